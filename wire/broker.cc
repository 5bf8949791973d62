#include "wire/broker.h"

#include "wire/error_code.h"
#include "wire/messages/api_versions.h"
#include "wire/messages/group_listing.h"
#include "wire/messages/list_offsets.h"

namespace kferry::wire {
namespace {

// What brokers speak that have no ApiVersions (before 0.10). Kafka: the protocol guides of 0.8.2,
// 0.9.0.
const SpokenVersions& versions_of_0_8() {
  static const SpokenVersions versions{{ApiKey::kListOffsets, {0, 0}},
                                       {ApiKey::kMetadata, {0, 0}},
                                       {ApiKey::kOffsetCommit, {0, 1}},
                                       {ApiKey::kOffsetFetch, {0, 1}},
                                       {ApiKey::kFindCoordinator, {0, 0}}};
  return versions;
}

const SpokenVersions& versions_of_0_9() {
  static const SpokenVersions versions = [] {
    SpokenVersions made = versions_of_0_8();
    made[ApiKey::kOffsetCommit] = {0, 2};
    for (const ApiKey key : {ApiKey::kJoinGroup, ApiKey::kHeartbeat, ApiKey::kLeaveGroup,
                             ApiKey::kSyncGroup, ApiKey::kDescribeGroups, ApiKey::kListGroups})
      made[key] = {0, 0};
    return made;
  }();
  return versions;
}

// Without an answer for so long, a broker is asked in another way.
constexpr Duration kSilence{1'500};

}  // namespace

Result<Broker> Broker::open(const Address& address, const ClientConfig& config, const Wait& wait) {
  KFERRY_TRY(Connection connection, Connection::open(address, wait));
  return Broker(std::move(connection), config);
}

Result<Broker> Broker::connect(const Address& address, const ClientConfig& config, const Wait& wait,
                               bool ask_versions) {
  const Wait bounded = wait.at_most(config.connect_timeout);
  if (!ask_versions) return connect_ancient(address, config, bounded);
  // Brokers 0.8 close the connection on ApiVersions. One that is going down may do that too, but
  // not twice. Brokers 0.9 log an uncaught exception and neither answer nor close (ran, 0.9.0.1).
  bool silent = false;
  for (int attempts_left = 2; attempts_left > 0 && !silent; --attempts_left) {
    KFERRY_TRY(Broker broker, open(address, config, bounded));
    const auto asked = broker.ask_versions(bounded.at_most(kSilence));
    if (asked) return broker;
    if (broker.connection_.closed_by_peer()) continue;
    silent = asked.error().kind == ErrorKind::kUnreachable && !bounded.deadline().expired();
    if (!silent) return std::unexpected(asked.error());
  }
  auto ancient = connect_ancient(address, config, bounded);
  if (!ancient || !silent) return ancient;
  // It answers, so it is not busy: a later broker would answer ApiVersions now.
  KFERRY_TRY(Broker again, open(address, config, bounded));
  if (again.ask_versions(bounded.at_most(kSilence))) return again;
  return ancient;
}

Result<Broker> Broker::connect_ancient(const Address& address, const ClientConfig& config,
                                       const Wait& wait) {
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

Result<> Broker::ask_versions(const Wait& wait) {
  const ApiVersionsRequest request{"kferry", KFERRY_VERSION};
  // Version 3 is understood by every broker since 2.4; an older one answers UNSUPPORTED_VERSION in
  // the format of version 0 (KIP-511).
  int16_t version = 3;
  KFERRY_TRY(const std::string frame, encode(request, version));
  KFERRY_CHECK(send(frame, wait));
  KFERRY_TRY(const std::string body, receive_body(ApiVersionsRequest::kName, false, wait));
  const bool is_unsupported =
      Decoder(body, 0, false).number<int16_t>("ErrorCode") == kUnsupportedVersion;
  Result<ApiVersionsResponse> response;
  if (is_unsupported) {
    version = 0;
    response = call_held(request, version, wait);
  } else {
    response = checked(decode_message<ApiVersionsResponse>(body, version));
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

Result<> Broker::send(const std::string& frame, const Wait& wait) {
  ++next_correlation_id_;
  return connection_.send(frame, wait);
}

Result<std::string> Broker::receive_body(const char* name, bool flexible, const Wait& wait) {
  KFERRY_TRY(std::string frame, connection_.receive(wait));
  std::string_view body = frame;
  KFERRY_TRY(const int32_t correlation_id, checked(take_response_header(body, flexible)));
  if (correlation_id != next_expected_id_) {
    connection_.close();
    return fail(ErrorKind::kFailed,
                fmt::format("broker {}: answer {} to {} came where answer {} was due",
                            to_string(address()), correlation_id, name, next_expected_id_),
                "run kferry again; if it happens again, a proxy between us is broken");
  }
  ++next_expected_id_;
  frame.erase(0, frame.size() - body.size());
  return frame;
}

}  // namespace kferry::wire
