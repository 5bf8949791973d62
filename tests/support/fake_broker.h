// A broker made of a script, for what real brokers cannot be made to do.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/sockets.h"
#include "tests/support/wire_request.h"
#include "wire/cluster.h"

namespace kferry::test {

// What is done about a request.
struct FakeReply {
  std::string bytes = {};         // the body, or with `raw` all that goes out
  bool raw = false;               // neither length nor header are put in front
  bool silent = false;            // no answer, ever
  bool close = false;             // afterwards
  bool hold = false;              // goes out together with the next answer, or in silence
  Duration drip{0};               // one byte at a time, with such a pause after each
  int32_t correlation_shift = 0;  // the answer's correlation id is wrong by that
  Duration delay{0};
};

// An answer in the version that was asked for.
template <class Response>
FakeReply reply_with(const Response& response, const WireRequest& request) {
  return {.bytes = encode_body(response, request.version())};
}

// What a FakeBroker says of the cluster by default.
struct FakeView {
  std::map<BrokerId, wire::Address> brokers;  // empty: itself
  std::map<TopicPartition, BrokerId> leaders;
  BrokerId coordinator{-1};  // of every group; -1: itself
};

// Answers ApiVersions, Metadata and FindCoordinator by itself, everything else as told; a request
// that nobody answers closes the connection, as brokers do with what they do not know. As a real
// broker it answers in order, one request at a time on each connection. Thread-safe. Handlers run
// one at a time, under the broker's mutex: they must not call its members.
class FakeBroker {
 public:
  using Handler = std::function<FakeReply(const WireRequest&)>;

  explicit FakeBroker(BrokerId id = BrokerId(0));
  ~FakeBroker();
  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;

  BrokerId id() const { return id_; }
  wire::Address address() const { return {"127.0.0.1", port_}; }

  // From now on.
  void on(wire::ApiKey api_key, Handler handler);
  // The next request of its kind, before what `on` says; several are taken in their order.
  void once(wire::ApiKey api_key, Handler handler);
  // The same with our structs: respond(const Request&, const WireRequest&) -> Request::Response.
  template <class Request, class Respond>
  void answer(Respond respond) {
    on(Request::kApiKey, typed<Request>(std::move(respond)));
  }
  template <class Request, class Respond>
  void answer_once(Respond respond) {
    once(Request::kApiKey, typed<Request>(std::move(respond)));
  }

  void speak(wire::SpokenVersions versions);
  template <class Request>
  void speak(int16_t lowest, int16_t highest) {
    const std::lock_guard lock(mutex_);
    versions_[Request::kApiKey] = {lowest, highest};
  }
  void show(FakeView view);

  // All that came, in order.
  std::vector<WireRequest> requests() const;
  std::vector<WireRequest> requests(wire::ApiKey api_key) const;
  size_t count(wire::ApiKey api_key) const { return requests(api_key).size(); }
  template <class Request>
  std::vector<Request> decoded() const {
    std::vector<Request> all;
    for (const WireRequest& one : requests(Request::kApiKey)) all.push_back(one.as<Request>());
    return all;
  }
  int connections() const;
  // The largest number of answers that were held back at the same time.
  size_t most_held() const;

  // Closes every connection; new ones are accepted unless `refuse`.
  void drop_connections(bool refuse = false);

 private:
  template <class Request, class Respond>
  static Handler typed(Respond respond) {
    return [respond = std::move(respond)](const WireRequest& request) {
      return reply_with(respond(request.as<Request>(), request), request);
    };
  }

  void accept_loop();
  void serve(Socket socket, int number, int epoch);
  FakeReply handle(const WireRequest& request);
  FakeReply by_default(const WireRequest& request);
  FakeReply api_versions(const WireRequest& request);
  FakeReply metadata(const WireRequest& request);
  FakeReply find_coordinator(const WireRequest& request);
  bool write(const Socket& socket, const WireRequest& request, const FakeReply& reply,
             std::string& held);

  const BrokerId id_;
  Socket listener_;
  const uint16_t port_;

  mutable std::mutex mutex_;  // guards everything below
  std::map<wire::ApiKey, Handler> handlers_;
  std::map<wire::ApiKey, std::deque<Handler>> next_;
  wire::SpokenVersions versions_;
  FakeView view_;
  std::vector<WireRequest> requests_;
  std::vector<std::thread> connections_;
  size_t most_held_ = 0;

  StopFlag stop_ = false;
  std::atomic<bool> refuse_ = false;
  std::atomic<int> epoch_ = 0;  // connections of an earlier one end
  std::thread acceptor_;
};

// One Cluster on these brokers. Throws.
wire::Cluster connect_to(const std::vector<const FakeBroker*>& brokers,
                         const wire::ClientConfig& config = {});

// `duration` from now; nothing stops it.
Wait wait_for(Duration duration);

}  // namespace kferry::test
