#include "tests/support/fake_broker.h"

#include <utility>

#include "wire/error_code.h"
#include "wire/messages.h"

namespace kferry::test {

using wire::ApiKey;

namespace {

constexpr Duration kSlice{20};
// A client that sends nothing for so long has sent all that it wants to.
constexpr Duration kSilence{150};

template <class... Requests>
wire::SpokenVersions all_versions(std::type_identity<std::tuple<Requests...>>) {
  return {{Requests::kApiKey, Requests::kVersions}...};
}

}  // namespace

FakeBroker::FakeBroker(BrokerId id)
    : id_(id),
      listener_(listen_on_loopback()),
      port_(port_of(listener_)),
      versions_(all_versions(std::type_identity<wire::AllRequests>{})) {
  acceptor_ = std::thread([this] { accept_loop(); });
}

FakeBroker::~FakeBroker() {
  stop_ = true;
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
}

void FakeBroker::on(ApiKey api_key, Handler handler) {
  const std::lock_guard lock(mutex_);
  handlers_[api_key] = std::move(handler);
}

void FakeBroker::once(ApiKey api_key, Handler handler) {
  const std::lock_guard lock(mutex_);
  next_[api_key].push_back(std::move(handler));
}

void FakeBroker::speak(wire::SpokenVersions versions) {
  const std::lock_guard lock(mutex_);
  versions_ = std::move(versions);
}

void FakeBroker::show(FakeView view) {
  const std::lock_guard lock(mutex_);
  view_ = std::move(view);
}

std::vector<WireRequest> FakeBroker::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<WireRequest> FakeBroker::requests(ApiKey api_key) const {
  std::vector<WireRequest> all = requests();
  std::erase_if(all, [&](const WireRequest& one) { return one.api_key() != api_key; });
  return all;
}

int FakeBroker::connections() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(connections_.size());
}

size_t FakeBroker::most_held() const {
  const std::lock_guard lock(mutex_);
  return most_held_;
}

void FakeBroker::drop_connections(bool refuse) {
  refuse_ = refuse;
  ++epoch_;
}

void FakeBroker::accept_loop() {
  while (!stop_) {
    if (refuse_ && listener_.is_open()) listener_.close();
    if (!refuse_ && !listener_.is_open()) listener_ = listen_on_loopback(port_);
    if (!listener_.is_open()) {
      std::this_thread::sleep_for(kSlice);
      continue;
    }
    Socket socket = accept_within(listener_, kSlice);
    if (!socket.is_open()) continue;
    const std::lock_guard lock(mutex_);
    connections_.emplace_back(
        [this, number = static_cast<int>(connections_.size()), epoch = epoch_.load(),
         one = std::move(socket)]() mutable { serve(std::move(one), number, epoch); });
  }
}

void FakeBroker::serve(Socket socket, int number, int epoch) {
  std::string held;
  size_t held_count = 0;
  Deadline silence = Deadline::after(kSilence);
  while (!stop_ && epoch == epoch_) {
    if (!is_readable(socket, kSlice)) {
      if (!silence.expired() || held.empty()) continue;
      held_count = 0;
      if (!write_all(socket, std::exchange(held, {}), stop_)) return;
      continue;
    }
    const auto frame = read_frame(socket, stop_);
    if (!frame) return;
    silence = Deadline::after(kSilence);
    WireRequest request = parse_request(*frame);
    request.connection = number;
    const FakeReply reply = handle(request);
    held_count = reply.hold ? held_count + 1 : 0;
    {
      const std::lock_guard lock(mutex_);
      most_held_ = std::max(most_held_, held_count);
    }
    if (!write(socket, request, reply, held) || reply.close) return;
  }
}

bool FakeBroker::write(const Socket& socket, const WireRequest& request, const FakeReply& reply,
                       std::string& held) {
  if (reply.silent) return true;
  sleep_unless_stopped(reply.delay, stop_);
  const int32_t correlation_id = request.header.correlation_id + reply.correlation_shift;
  if (reply.raw)
    held += reply.bytes;
  else if (!reply.bytes.empty() || !reply.close)
    held += framed(response_header(request, correlation_id) + reply.bytes);
  if (reply.hold) return true;
  const std::string bytes = std::exchange(held, {});
  return reply.drip.count() == 0 ? write_all(socket, bytes, stop_)
                                 : drip_all(socket, bytes, reply.drip, stop_);
}

FakeReply FakeBroker::handle(const WireRequest& request) {
  const std::lock_guard lock(mutex_);
  requests_.push_back(request);
  auto& next = next_[request.api_key()];
  if (!next.empty()) {
    const Handler handler = std::move(next.front());
    next.pop_front();
    return handler(request);
  }
  const auto found = handlers_.find(request.api_key());
  return found == handlers_.end() ? by_default(request) : found->second(request);
}

FakeReply FakeBroker::by_default(const WireRequest& request) {
  switch (request.api_key()) {
    case ApiKey::kApiVersions:
      return api_versions(request);
    case ApiKey::kMetadata:
      return metadata(request);
    case ApiKey::kFindCoordinator:
      return find_coordinator(request);
    default:
      return {.close = true};
  }
}

FakeReply FakeBroker::api_versions(const WireRequest& request) {
  wire::ApiVersionsResponse response;
  for (const auto& [key, range] : versions_)
    response.api_keys.push_back({static_cast<int16_t>(key), range.lowest, range.highest});
  if (request.version() <= versions_[ApiKey::kApiVersions].highest)
    return reply_with(response, request);
  response.error_code = wire::kUnsupportedVersion;  // in the format of version 0 (KIP-511)
  return {.bytes = encode_body(response, 0)};
}

FakeReply FakeBroker::metadata(const WireRequest& request) {
  wire::MetadataResponse response;
  std::map<BrokerId, wire::Address> brokers = view_.brokers;
  if (brokers.empty()) brokers[id_] = address();
  for (const auto& [id, at] : brokers) response.brokers.push_back({id, at.host, at.port, {}});
  response.cluster_id = "fake";
  response.controller_id = id_;
  for (const auto& [partition, leader] : view_.leaders) {
    if (response.topics.empty() || response.topics.back().name != partition.topic) {
      response.topics.emplace_back().name = partition.topic;
    }
    auto& info = response.topics.back().partitions.emplace_back();
    info.partition_index = partition.partition;
    info.leader_id = leader;
    if (leader.value() < 0) info.error_code = wire::kLeaderNotAvailable;
  }
  return reply_with(response, request);
}

FakeReply FakeBroker::find_coordinator(const WireRequest& request) {
  const BrokerId id = view_.coordinator.value() < 0 ? id_ : view_.coordinator;
  const auto known = view_.brokers.find(id);
  const wire::Address at = known == view_.brokers.end() ? address() : known->second;
  wire::FindCoordinatorResponse response;
  if (request.version() < 4) {
    response.node_id = id;
    response.host = at.host;
    response.port = at.port;
  } else {
    for (const auto& key : request.as<wire::FindCoordinatorRequest>().coordinator_keys)
      response.coordinators.push_back({key, id, at.host, at.port, 0, {}});
  }
  return reply_with(response, request);
}

wire::Cluster connect_to(const std::vector<const FakeBroker*>& brokers,
                         const wire::ClientConfig& config) {
  std::vector<wire::Address> bootstrap;
  for (const FakeBroker* broker : brokers) bootstrap.push_back(broker->address());
  auto cluster = wire::Cluster::connect(bootstrap, config, wait_for(Duration(20'000)));
  if (!cluster) throw std::runtime_error(cluster.error().message);
  return std::move(*cluster);
}

Wait wait_for(Duration duration) {
  return Wait::uninterruptible(duration);
}

}  // namespace kferry::test
