#include "wire/broker.h"

#include "wire/error_code.h"
#include "wire/messages/api_versions.h"
#include "wire/messages/group_listing.h"
#include "wire/messages/list_offsets.h"

namespace kferry::wire {
namespace {

// Without an answer for so long, a broker is asked in another way.
constexpr Duration kSilence{1'500};
constexpr Duration kGrace{300};

const ApiVersionsRequest kVersionsRequest{"kferry", KFERRY_VERSION};
constexpr int16_t kVersionsVersion = 3;

// What brokers speak that have no ApiVersions (before 0.10). Kafka: the protocol guides of 0.8.2,
// 0.9.0.
const SpokenVersions& versions_of_0_8() {
  static const SpokenVersions versions{{ApiKey::kFetch, {0, 0}},
                                       {ApiKey::kListOffsets, {0, 0}},
                                       {ApiKey::kMetadata, {0, 0}},
                                       {ApiKey::kOffsetCommit, {0, 1}},
                                       {ApiKey::kOffsetFetch, {0, 1}},
                                       {ApiKey::kFindCoordinator, {0, 0}}};
  return versions;
}

const SpokenVersions& versions_of_0_9() {
  static const SpokenVersions versions = [] {
    SpokenVersions made = versions_of_0_8();
    made[ApiKey::kFetch] = {0, 1};
    made[ApiKey::kOffsetCommit] = {0, 2};
    for (const ApiKey key : {ApiKey::kJoinGroup, ApiKey::kHeartbeat, ApiKey::kLeaveGroup,
                             ApiKey::kSyncGroup, ApiKey::kDescribeGroups, ApiKey::kListGroups})
      made[key] = {0, 0};
    return made;
  }();
  return versions;
}

}  // namespace

Result<Broker> Broker::open(const Address& address, const ClientConfig& config, const Wait& wait) {
  KFERRY_TRY(Connection connection, Connection::open(address, wait, config.tls.get()));
  return Broker(std::move(connection), config);
}

Result<Broker> Broker::connect(const Address& address, const ClientConfig& config, const Wait& wait,
                               bool ask_versions) {
  const Wait bounded = wait.at_most(config.connect_timeout);
  if (!ask_versions) return connect_ancient(address, config, bounded);
  // 0.8 closes the connection on ApiVersions. A broker that is going down may do that too, but not
  // twice.
  for (int attempts_left = 2; attempts_left > 0; --attempts_left) {
    KFERRY_TRY(Broker broker, open(address, config, bounded));
    KFERRY_CHECK(broker.send_versions_request(bounded));
    // Whom we can log in to is not that old: it is waited for.
    const Wait patience = config.sasl ? bounded : bounded.at_most(kSilence);
    KFERRY_TRY(const bool answered, broker.connection_.has_answer(patience));
    if (!answered) {
      // 0.9 neither answers nor closes: its network thread logs an uncaught exception (ran,
      // 0.9.0.1), and may have lost other clients' requests with it. So it is not asked twice.
      KFERRY_TRY(Broker old, connect_ancient(address, config, bounded));
      // A later broker that was slow is awake now, and the first question is the older one.
      KFERRY_TRY(const bool was_slow, broker.connection_.has_answer(bounded.at_most(kGrace)));
      if (!was_slow) return old;
    }
    const auto read = broker.read_versions(bounded);
    if (read) {
      if (config.sasl) KFERRY_CHECK(broker.log_in(bounded));
      return broker;
    }
    if (!broker.connection_.closed_by_peer()) return std::unexpected(read.error());
  }
  return connect_ancient(address, config, bounded);
}

Result<Broker> Broker::connect_ancient(const Address& address, const ClientConfig& config,
                                       const Wait& wait) {
  if (config.sasl)
    return fail(ErrorKind::kUnreachable,
                fmt::format("broker {}: it does not answer to ApiVersions, as brokers do that "
                            "kferry can log in to (0.10 and later)",
                            to_string(address)),
                "check the port, and security.protocol: SASL_SSL or SASL_PLAINTEXT?");
  KFERRY_TRY(Broker old, open(address, config, wait));
  old.spoken_ = versions_of_0_9();
  const auto listed = old.call(ListGroupsRequest{}, wait);
  if (listed) return old;
  if (!old.connection_.closed_by_peer()) return std::unexpected(listed.error());
  KFERRY_TRY(Broker oldest, open(address, config, wait));
  oldest.spoken_ = versions_of_0_8();
  // Known to every broker: what closes the connection on this too is none.
  const auto proof = oldest.call(ListOffsetsRequest{}, wait);
  if (proof) return oldest;
  return std::unexpected(
      in_context(proof.error(), "neither ApiVersions nor any older request is answered"));
}

// Version 3 is understood by every broker since 2.4; an older one answers UNSUPPORTED_VERSION in
// the format of version 0 (KIP-511).
Result<> Broker::send_versions_request(const Wait& wait) {
  return post(kVersionsRequest, kVersionsVersion, wait);
}

Result<> Broker::read_versions(const Wait& wait) {
  KFERRY_TRY(const Frame frame, receive_frame(ApiVersionsRequest::kName, false, wait));
  const auto body = std::string_view(frame.bytes).substr(frame.body_at);
  const bool is_unsupported =
      Decoder(body, 0, false).number<int16_t>("ErrorCode") == kUnsupportedVersion;
  Result<ApiVersionsResponse> response;
  if (is_unsupported) {
    response = call_held(kVersionsRequest, 0, wait);
  } else {
    response = checked(decode_message<ApiVersionsResponse>(body, kVersionsVersion));
  }
  if (!response) return std::unexpected(response.error());
  if (response->error_code != kNone)
    return std::unexpected(
        kafka_error(response->error_code,
                    fmt::format("broker {}: asking for its API versions", to_string(address()))));
  for (const auto& api : response->api_keys)
    spoken_[static_cast<ApiKey>(api.api_key)] = {api.min_version, api.max_version};
  return {};
}

std::optional<std::string> Broker::version_if_ancient() const {
  if (spoken_ == versions_of_0_8()) return "0.8.2";
  if (spoken_ == versions_of_0_9()) return "0.9.0";
  return std::nullopt;
}

Result<int16_t> Broker::choose_version(ApiKey key, const char* name, ApiVersionRange ours) const {
  const auto found = spoken_.find(key);
  const ApiVersionRange theirs = found == spoken_.end() ? ApiVersionRange{} : found->second;
  const int16_t version = std::min(ours.highest, theirs.highest);
  if (version >= std::max(ours.lowest, theirs.lowest)) return version;
  Error error{ErrorKind::kFailed, {}, {}, kUnsupportedVersion};
  error.message = found == spoken_.end()
                      ? fmt::format("broker {} does not know {}", to_string(address()), name)
                      : fmt::format("broker {} speaks {} versions {} to {}, kferry needs {} to {}",
                                    to_string(address()), name, theirs.lowest, theirs.highest,
                                    ours.lowest, ours.highest);
  return std::unexpected(std::move(error));
}

Result<> Broker::send(const std::string& frame, const Splices& splices, const Wait& wait) {
  ++next_correlation_id_;
  std::vector<std::string_view> pieces;
  size_t sent = 0;
  for (const auto& [at, data] : splices) {
    pieces.push_back(std::string_view(frame).substr(sent, at - sent));
    pieces.push_back(data);
    sent = at;
  }
  pieces.push_back(std::string_view(frame).substr(sent));
  return connection_.send(pieces, wait);
}

Result<std::string> Broker::receive_in_turn(const char* name, const Wait& wait) {
  KFERRY_TRY(std::string frame, connection_.receive(wait));
  std::string_view body = frame;
  KFERRY_TRY(const int32_t correlation_id, checked(take_response_header(body, false)));
  if (correlation_id != next_expected_id_) {
    connection_.close();
    return fail(ErrorKind::kFailed,
                fmt::format("broker {}: answer {} to {} came where answer {} was due",
                            to_string(address()), correlation_id, name, next_expected_id_),
                "run kferry again; if it happens again, a proxy between us is broken");
  }
  ++next_expected_id_;
  return frame;
}

Result<Broker::Frame> Broker::receive_frame(const char* name, bool flexible, const Wait& wait) {
  std::string frame;
  if (early_frames_.empty()) {
    KFERRY_TRY(frame, receive_in_turn(name, wait));
  } else {
    frame = std::move(early_frames_.front());
    early_frames_.pop_front();
  }
  std::string_view body = frame;
  KFERRY_CHECK(checked(take_response_header(body, flexible)));
  const size_t body_at = frame.size() - body.size();
  return Frame{std::move(frame), body_at};
}

}  // namespace kferry::wire
