#include "wire/broker.h"

#include "wire/error_code.h"
#include "wire/messages/api_versions.h"
#include "wire/messages/group_listing.h"

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

}  // namespace

Result<Broker> Broker::open(const Address& address, const ClientConfig& config, const Wait& wait) {
  KFERRY_TRY(Connection connection,
             Connection::open(address, wait.at_most(config.connect_timeout)));
  return Broker(std::move(connection), config);
}

Result<Broker> Broker::connect(const Address& address, const ClientConfig& config,
                               const Wait& wait) {
  KFERRY_TRY(Broker broker, open(address, config, wait));
  const auto asked = broker.ask_versions(wait);
  if (asked) return broker;
  if (broker.is_open() || wait.stop().stop_requested() || wait.deadline().expired())
    return std::unexpected(asked.error());

  // The connection was closed on ApiVersions: the broker is older than 0.10.
  KFERRY_TRY(Broker old, open(address, config, wait));
  old.spoken_ = versions_of_0_9();
  if (old.call(ListGroupsRequest{}, wait)) return old;
  KFERRY_TRY(Broker oldest, open(address, config, wait));
  oldest.spoken_ = versions_of_0_8();
  return oldest;
}

Result<> Broker::ask_versions(const Wait& wait) {
  const ApiVersionsRequest request{"kferry", KFERRY_VERSION};
  // Version 3 is understood by every broker since 2.4; an older one answers UNSUPPORTED_VERSION in
  // the format of version 0 (KIP-511).
  int16_t version = 3;
  const Wait bounded = wait.at_most(config_.request_timeout);
  KFERRY_CHECK(send(request, version, bounded));
  KFERRY_TRY(const std::string body, receive_body(ApiVersionsRequest::kName, false, bounded));
  const auto is_unsupported = [&] {
    std::string_view rest = body;
    return Decoder(rest, 0, false).number<int16_t>("ErrorCode") == kUnsupportedVersion;
  };
  Result<ApiVersionsResponse> response;
  if (is_unsupported()) {
    version = 0;
    response = call(request, version, bounded);
  } else {
    response = decode_message<ApiVersionsResponse>(body, version);
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

Result<std::string> Broker::receive_body(const char* name, bool flexible, const Wait& wait) {
  KFERRY_TRY(std::string frame, connection_.receive(wait));
  std::string_view body = frame;
  KFERRY_TRY(const int32_t correlation_id, take_response_header(body, flexible));
  if (correlation_id != next_expected_id_)
    return fail(ErrorKind::kFailed,
                fmt::format("broker {}: answer {} to {} came where answer {} was due",
                            to_string(address()), correlation_id, name, next_expected_id_),
                "run kferry again; if it happens again, a proxy between us is broken");
  ++next_expected_id_;
  frame.erase(0, frame.size() - body.size());
  return frame;
}

}  // namespace kferry::wire
