#include "wire/error_code.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace kferry::wire {
namespace {

// Ordered by code.
constexpr auto kRows = std::to_array<ErrorRow>({
    {-1, "UNKNOWN_SERVER_ERROR", false, "the broker hit an unexpected error; its log says more"},
    {0, "NONE", false, "no error"},
    {1, "OFFSET_OUT_OF_RANGE", false, "the offset is outside the partition's log"},
    {2, "CORRUPT_MESSAGE", true, "the message failed its CRC check or is otherwise corrupt"},
    {3, "UNKNOWN_TOPIC_OR_PARTITION", true, "the broker does not have this topic or partition"},
    {4, "INVALID_FETCH_SIZE", false, "the fetch size is not valid"},
    {5, "LEADER_NOT_AVAILABLE", true, "the partition has no leader at the moment"},
    {6, "NOT_LEADER_OR_FOLLOWER", true, "the broker does not lead this partition"},
    {7, "REQUEST_TIMED_OUT", true, "the request timed out on the broker"},
    {8, "BROKER_NOT_AVAILABLE", false, "the broker is not available"},
    {9, "REPLICA_NOT_AVAILABLE", true, "the replica is not available"},
    {10, "MESSAGE_TOO_LARGE", false, "the message is larger than the broker takes"},
    {11, "STALE_CONTROLLER_EPOCH", false, "the controller moved to another broker"},
    {12, "OFFSET_METADATA_TOO_LARGE", false,
     "the commit's metadata is larger than the broker takes"},
    {13, "NETWORK_EXCEPTION", true, "the broker went away before it answered"},
    {14, "COORDINATOR_LOAD_IN_PROGRESS", true, "the group coordinator is still loading its groups"},
    {15, "COORDINATOR_NOT_AVAILABLE", true, "the group coordinator is not available"},
    {16, "NOT_COORDINATOR", true, "the broker is not the coordinator of this group"},
    {17, "INVALID_TOPIC_EXCEPTION", false, "the topic name is not valid"},
    {18, "RECORD_LIST_TOO_LARGE", false, "the record batch is larger than a segment"},
    {19, "NOT_ENOUGH_REPLICAS", true, "fewer in-sync replicas than min.insync.replicas"},
    {20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", true, "written, but to too few in-sync replicas"},
    {21, "INVALID_REQUIRED_ACKS", false, "the value of acks is not valid"},
    {22, "ILLEGAL_GENERATION", false, "the generation is not the group's current one"},
    {23, "INCONSISTENT_GROUP_PROTOCOL", false,
     "the group's members speak another protocol or protocol type"},
    {24, "INVALID_GROUP_ID", false, "the group id is not valid"},
    {25, "UNKNOWN_MEMBER_ID", false, "the coordinator does not know this member"},
    {26, "INVALID_SESSION_TIMEOUT", false,
     "the session timeout is outside the broker's group.min/max.session.timeout.ms"},
    {27, "REBALANCE_IN_PROGRESS", false, "the group is rebalancing: a member came or went"},
    {28, "INVALID_COMMIT_OFFSET_SIZE", false, "the committed data is not valid"},
    {29, "TOPIC_AUTHORIZATION_FAILED", false, "we may not use this topic"},
    {30, "GROUP_AUTHORIZATION_FAILED", false, "we may not use this group"},
    {31, "CLUSTER_AUTHORIZATION_FAILED", false, "we may not do this on the cluster"},
    {32, "INVALID_TIMESTAMP", false, "the timestamp is outside the accepted range"},
    {33, "UNSUPPORTED_SASL_MECHANISM", false, "the broker does not offer this SASL mechanism"},
    {34, "ILLEGAL_SASL_STATE", false, "the request does not fit the state of the SASL handshake"},
    {35, "UNSUPPORTED_VERSION", false, "the broker does not speak this version of the request"},
    {36, "TOPIC_ALREADY_EXISTS", false, "the topic exists already"},
    {37, "INVALID_PARTITIONS", false, "the number of partitions is not valid"},
    {38, "INVALID_REPLICATION_FACTOR", false, "the replication factor is not valid"},
    {39, "INVALID_REPLICA_ASSIGNMENT", false, "the replica assignment is not valid"},
    {40, "INVALID_CONFIG", false, "the configuration is not valid"},
    {41, "NOT_CONTROLLER", true, "the broker is not the controller"},
    {42, "INVALID_REQUEST", false, "the broker finds the request malformed; its log says why"},
    {43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", false, "the message format does not support this"},
    {44, "POLICY_VIOLATION", false, "the request violates a policy of the cluster"},
    {45, "OUT_OF_ORDER_SEQUENCE_NUMBER", false, "the sequence number overlaps or skips"},
    {46, "DUPLICATE_SEQUENCE_NUMBER", false, "the sequence number was used before"},
    {47, "INVALID_PRODUCER_EPOCH", false, "the producer epoch is old"},
    {48, "INVALID_TXN_STATE", false, "the transaction is in another state"},
    {49, "INVALID_PRODUCER_ID_MAPPING", false,
     "the producer id belongs to another transactional id"},
    {50, "INVALID_TRANSACTION_TIMEOUT", false, "the transaction timeout is not valid"},
    {51, "CONCURRENT_TRANSACTIONS", true, "an earlier transaction is still being completed"},
    {52, "TRANSACTION_COORDINATOR_FENCED", false, "the transaction coordinator moved on"},
    {53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", false, "we may not use this transactional id"},
    {54, "SECURITY_DISABLED", false, "security features are off on the broker"},
    {55, "OPERATION_NOT_ATTEMPTED", false, "not attempted: another part of the request failed"},
    {56, "KAFKA_STORAGE_ERROR", true, "the broker has trouble with its disk"},
    {57, "LOG_DIR_NOT_FOUND", false, "the log directory does not exist"},
    {58, "SASL_AUTHENTICATION_FAILED", false, "the login was refused"},
    {59, "UNKNOWN_PRODUCER_ID", false, "the broker has no state for this producer id"},
    {60, "REASSIGNMENT_IN_PROGRESS", false, "a partition reassignment is under way"},
    {68, "NON_EMPTY_GROUP", false, "the group has members"},
    {69, "GROUP_ID_NOT_FOUND", false, "the group does not exist"},
    {70, "FETCH_SESSION_ID_NOT_FOUND", true, "the fetch session does not exist"},
    {71, "INVALID_FETCH_SESSION_EPOCH", true, "the fetch session epoch is not valid"},
    {72, "LISTENER_NOT_FOUND", true, "the leader has no listener of this name"},
    {74, "FENCED_LEADER_EPOCH", true, "our leader epoch is older than the broker's"},
    {75, "UNKNOWN_LEADER_EPOCH", true, "our leader epoch is newer than the broker's"},
    {76, "UNSUPPORTED_COMPRESSION_TYPE", false, "the compression is not supported"},
    {77, "STALE_BROKER_EPOCH", false, "the broker epoch is old"},
    {78, "OFFSET_NOT_AVAILABLE", true, "the new leader's high watermark has not caught up yet"},
    {79, "MEMBER_ID_REQUIRED", false, "join again with the member id of this answer"},
    {80, "PREFERRED_LEADER_NOT_AVAILABLE", true, "the preferred leader is not available"},
    {81, "GROUP_MAX_SIZE_REACHED", false, "the group has as many members as the broker allows"},
    {82, "FENCED_INSTANCE_ID", false, "another member uses this group instance id"},
    {86, "GROUP_SUBSCRIBED_TO_TOPIC", false, "a member of the group subscribes to this topic"},
    {87, "INVALID_RECORD", false, "the broker refused a record"},
    {88, "UNSTABLE_OFFSET_COMMIT", true, "a transaction's offsets are not yet committed"},
    {89, "THROTTLING_QUOTA_EXCEEDED", true, "a quota is exceeded"},
    {90, "PRODUCER_FENCED", false, "a newer producer has taken over"},
    {100, "UNKNOWN_TOPIC_ID", true, "the broker does not have this topic id"},
    {103, "INCONSISTENT_TOPIC_ID", true, "the topic id is not the topic's current one"},
    {110, "FENCED_MEMBER_EPOCH", false, "the member epoch is old (KIP-848)"},
    {111, "UNRELEASED_INSTANCE_ID", false, "the instance id is still in use (KIP-848)"},
    {113, "STALE_MEMBER_EPOCH", false, "the member epoch is old (KIP-848)"},
});

constexpr ErrorRow kUnknownRow{0, "UNKNOWN_CODE", false,
                               "a code that this version of kferry does not know"};

ErrorKind kind_of(int16_t code) {
  switch (code) {
    case 29:
    case 30:
    case 31:
    case 53:
    case 58:
      return ErrorKind::kNotAuthorised;
    case 5:
    case 7:
    case 8:
    case 13:
    case 14:
    case 15:
    case 16:
      return ErrorKind::kUnreachable;
    default:
      return ErrorKind::kFailed;
  }
}

std::string hint_of(int16_t code) {
  switch (code) {
    case 29:
      return "grant READ on the topic to kferry's principal (DESCRIBE is enough to read offsets)";
    case 30:
      return "grant READ on the group to kferry's principal (DESCRIBE is enough to read offsets)";
    case 31:
      return "grant the operation on the cluster to kferry's principal";
    case 58:
      return "check the user, the password and the mechanism in --command-config";
    case 26:
      return "pass --session-timeout within the broker's limits";
    default:
      return {};
  }
}

}  // namespace

const ErrorRow& error_row(int16_t code) {
  const auto* const found = std::ranges::lower_bound(kRows, code, {}, &ErrorRow::code);
  return found != kRows.end() && found->code == code ? *found : kUnknownRow;
}

Error kafka_error(int16_t code, std::string_view doing) {
  const ErrorRow& row = error_row(code);
  return Error{kind_of(code),
               fmt::format("{}: {} ({}): {}", doing, row.name, code, row.description),
               hint_of(code), code};
}

}  // namespace kferry::wire
