#include "kafkaio/errors.h"

#include <fmt/format.h>

namespace kferry::kafkaio {
namespace {

ErrorKind kind_of(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return ErrorKind::kNotAuthorised;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
      return ErrorKind::kUnreachable;
    default:
      return ErrorKind::kFailed;
  }
}

std::string hint_of(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return "check the user, the password and the mechanism in the client properties";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return "grant READ on the topic to kferry's principal (DESCRIBE is enough to read offsets)";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return "grant DESCRIBE on the group to kferry's principal, DELETE to delete offsets";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return "grant the operation on the cluster to kferry's principal";
    case RD_KAFKA_RESP_ERR_GROUP_SUBSCRIBED_TO_TOPIC:
    case RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP:
      return "stop the group's consumers first";
    default:
      return {};
  }
}

}  // namespace

Error to_error(rd_kafka_resp_err_t code, std::string_view doing, std::string_view said) {
  if (said.empty()) said = rd_kafka_err2str(code);
  int kafka_code = code > 0 ? static_cast<int>(code) : 0;
  // librdkafka saw before it asked what the broker would have said.
  if (code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
    kafka_code = RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION;
  return {kind_of(code), fmt::format("{}: {} ({})", doing, said, rd_kafka_err2name(code)),
          hint_of(code), kafka_code};
}

bool is_transient(rd_kafka_resp_err_t code) {
  return kind_of(code) == ErrorKind::kUnreachable ||
         code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT ||
         code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

}  // namespace kferry::kafkaio
