// A TCP proxy between a client and a real broker: records what passes, and breaks it where told.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/sockets.h"
#include "tests/support/wire_request.h"
#include "wire/address.h"

namespace kferry::test {

// One request and its answer.
struct Exchange {
  WireRequest request;
  std::optional<std::string> answer;  // its body, as the broker sent it; nullopt: none came
  bool passed_on = false;             // the client got the answer

  // Throws std::runtime_error.
  template <class Request>
  typename Request::Response answer_to() const {
    if (!answer) throw std::runtime_error("no answer came");
    return decode_body<typename Request::Response>(*answer, request.version());
  }
};

// The port is chosen at construction, so that a broker can be started that advertises it; until the
// upstream is set, connections are accepted and wait. Thread-safe.
class RecordingProxy {
 public:
  RecordingProxy();
  ~RecordingProxy();
  RecordingProxy(const RecordingProxy&) = delete;
  RecordingProxy& operator=(const RecordingProxy&) = delete;

  wire::Address address() const { return {"127.0.0.1", port_}; }
  void set_upstream(uint16_t port);
  // Faults and exchanges() concern requests with this client id only; others (brokers use the
  // proxy too where that is all that is advertised) just pass. Empty, as it is at first: all.
  void only_client(const std::string& client_id);

  // In the order in which the requests came.
  std::vector<Exchange> exchanges() const;
  std::vector<Exchange> exchanges(wire::ApiKey api_key) const;
  void forget();

  // The n-th request of its kind from now on is forwarded, and its answer awaited: it had its
  // effect. Then the connection is cut in place of the answer.
  void cut_after(wire::ApiKey api_key, int nth = 1);
  // The n-th request of its kind from now on is not forwarded: the connection is cut.
  void cut_before(wire::ApiKey api_key, int nth = 1);
  // Answers of that kind are passed on so much later.
  void delay(wire::ApiKey api_key, Duration duration);
  // Answers of that kind wait for release().
  void hold(wire::ApiKey api_key);
  void release(wire::ApiKey api_key);
  // Requests of that kind are replaced by another one of the same version, and the answer to that
  // by another: their bodies.
  struct Forgery {
    std::function<std::string(const WireRequest&)> request;
    std::function<std::string(const WireRequest&)> answer;  // to the true request
  };
  void forge(wire::ApiKey api_key, Forgery forgery);
  // Forgets all of these that have not happened yet.
  void clear_faults();

 private:
  struct Cut {
    wire::ApiKey api_key;
    int countdown;
    bool before;
  };

  void accept_loop();
  void serve(Socket client, int number);
  bool forward_request(const Socket& client, const Socket& broker, int number,
                       std::deque<size_t>& unanswered);
  bool forward_answer(const Socket& client, const Socket& broker, std::deque<size_t>& unanswered);
  std::optional<Forgery> forgery_of(const WireRequest& request) const;
  bool concerns_us(const WireRequest& request) const;
  bool is_cut_now(const WireRequest& request, bool before);
  void wait_before_passing_on(const WireRequest& request);

  Socket listener_;
  const uint16_t port_;
  std::atomic<uint16_t> upstream_ = 0;

  mutable std::mutex mutex_;  // guards everything below
  std::string client_id_;
  std::vector<Exchange> exchanges_;
  size_t forgotten_ = 0;
  std::vector<Cut> cuts_;
  std::set<size_t> to_cut_;  // exchanges whose answer is not passed on
  std::map<wire::ApiKey, Duration> delays_;
  std::set<wire::ApiKey> held_;
  std::map<wire::ApiKey, Forgery> forgeries_;
  std::vector<std::thread> connections_;

  StopFlag stop_ = false;
  std::thread acceptor_;
};

}  // namespace kferry::test
