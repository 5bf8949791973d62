#include "tests/support/recording_proxy.h"

#include <algorithm>

namespace kferry::test {

using wire::ApiKey;

namespace {

constexpr Duration kSlice{10};

}  // namespace

RecordingProxy::RecordingProxy() : listener_(listen_on_loopback()), port_(port_of(listener_)) {
  acceptor_ = std::thread([this] { accept_loop(); });
}

RecordingProxy::~RecordingProxy() {
  stop_ = true;
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
}

void RecordingProxy::set_upstream(uint16_t port) {
  upstream_ = port;
}

void RecordingProxy::only_client(const std::string& client_id) {
  const std::lock_guard lock(mutex_);
  client_id_ = client_id;
}

std::vector<Exchange> RecordingProxy::exchanges() const {
  const std::lock_guard lock(mutex_);
  std::vector<Exchange> ours;
  for (size_t i = forgotten_; i < exchanges_.size(); ++i)
    if (concerns_us(exchanges_[i].request)) ours.push_back(exchanges_[i]);
  return ours;
}

std::vector<Exchange> RecordingProxy::exchanges(ApiKey api_key) const {
  std::vector<Exchange> some = exchanges();
  std::erase_if(some, [&](const Exchange& one) { return one.request.api_key() != api_key; });
  return some;
}

void RecordingProxy::forget() {
  const std::lock_guard lock(mutex_);
  forgotten_ = exchanges_.size();
}

void RecordingProxy::cut_after(ApiKey api_key, int nth) {
  const std::lock_guard lock(mutex_);
  cuts_.push_back({api_key, nth, false});
}

void RecordingProxy::cut_before(ApiKey api_key, int nth) {
  const std::lock_guard lock(mutex_);
  cuts_.push_back({api_key, nth, true});
}

void RecordingProxy::delay(ApiKey api_key, Duration duration) {
  const std::lock_guard lock(mutex_);
  delays_[api_key] = duration;
}

void RecordingProxy::hold(ApiKey api_key) {
  const std::lock_guard lock(mutex_);
  held_.insert(api_key);
}

void RecordingProxy::release(ApiKey api_key) {
  const std::lock_guard lock(mutex_);
  held_.erase(api_key);
}

void RecordingProxy::forge(ApiKey api_key, Forgery forgery) {
  const std::lock_guard lock(mutex_);
  forgeries_[api_key] = std::move(forgery);
}

void RecordingProxy::clear_faults() {
  const std::lock_guard lock(mutex_);
  forgeries_.clear();
  cuts_.clear();
  delays_.clear();
  held_.clear();
}

void RecordingProxy::accept_loop() {
  while (!stop_) {
    Socket socket = accept_within(listener_, kSlice);
    if (!socket.is_open()) continue;
    const std::lock_guard lock(mutex_);
    connections_.emplace_back(
        [this, number = static_cast<int>(connections_.size()), one = std::move(socket)]() mutable {
          serve(std::move(one), number);
        });
  }
}

void RecordingProxy::serve(Socket client, int number) {
  while (upstream_ == 0 && !stop_) std::this_thread::sleep_for(kSlice);
  const Socket broker = connect_to_loopback(upstream_);
  if (!broker.is_open()) return;
  std::deque<size_t> unanswered;  // indexes into exchanges_
  while (!stop_) {
    if (is_readable(client, Duration(0))) {
      if (!forward_request(client, broker, number, unanswered)) return;
    } else if (is_readable(broker, kSlice)) {
      if (!forward_answer(client, broker, unanswered)) return;
    }
  }
}

bool RecordingProxy::forward_request(const Socket& client, const Socket& broker, int number,
                                     std::deque<size_t>& unanswered) {
  auto frame = read_frame(client, stop_);
  if (!frame) return false;
  WireRequest request = parse_request(*frame);
  if (const auto forgery = forgery_of(request)) {
    frame->resize(frame->size() - request.body.size());
    *frame += forgery->request(request);
  }
  request.connection = number;
  {
    const std::lock_guard lock(mutex_);
    if (is_cut_now(request, true)) {
      exchanges_.push_back({std::move(request), {}, false});
      return false;
    }
    unanswered.push_back(exchanges_.size());
    if (is_cut_now(request, false)) to_cut_.insert(exchanges_.size());
    exchanges_.push_back({std::move(request), {}, false});
  }
  return write_all(broker, framed(*frame), stop_);
}

bool RecordingProxy::forward_answer(const Socket& client, const Socket& broker,
                                    std::deque<size_t>& unanswered) {
  auto frame = read_frame(broker, stop_);
  if (!frame) return false;
  const int32_t correlation_id = int32_from(*frame);
  std::unique_lock lock(mutex_);
  const auto found = std::ranges::find_if(unanswered, [&](size_t index) {
    return exchanges_[index].request.header.correlation_id == correlation_id;
  });
  if (found == unanswered.end()) return false;
  const size_t index = *found;
  unanswered.erase(found);
  const WireRequest request = exchanges_[index].request;
  exchanges_[index].answer = response_body(request, *frame);
  if (to_cut_.erase(index) > 0) return false;
  lock.unlock();
  wait_before_passing_on(request);
  if (const auto forgery = forgery_of(request))
    *frame = response_header(request, correlation_id) + forgery->answer(request);
  lock.lock();
  exchanges_[index].passed_on = true;  // before the client can go on and look
  lock.unlock();
  return write_all(client, framed(*frame), stop_);
}

std::optional<RecordingProxy::Forgery> RecordingProxy::forgery_of(
    const WireRequest& request) const {
  const std::lock_guard lock(mutex_);
  const auto found = forgeries_.find(request.api_key());
  if (found == forgeries_.end() || !concerns_us(request)) return std::nullopt;
  return found->second;
}

bool RecordingProxy::concerns_us(const WireRequest& request) const {
  return client_id_.empty() || request.header.client_id == client_id_;
}

bool RecordingProxy::is_cut_now(const WireRequest& request, bool before) {
  if (!concerns_us(request)) return false;
  for (auto cut = cuts_.begin(); cut != cuts_.end(); ++cut) {
    if (cut->api_key != request.api_key() || cut->before != before) continue;
    if (--cut->countdown > 0) continue;
    cuts_.erase(cut);
    return true;
  }
  return false;
}

void RecordingProxy::wait_before_passing_on(const WireRequest& request) {
  std::unique_lock lock(mutex_);
  if (!concerns_us(request)) return;
  const auto delayed = delays_.find(request.api_key());
  const Deadline until = Deadline::after(delayed == delays_.end() ? Duration(0) : delayed->second);
  while ((held_.contains(request.api_key()) || !until.expired()) && !stop_) {
    lock.unlock();
    std::this_thread::sleep_for(kSlice);
    lock.lock();
  }
}

}  // namespace kferry::test
