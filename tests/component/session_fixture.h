// A group on two fake brokers, and a session that holds it.
#pragma once

#include <gtest/gtest.h>

#include "groupproto/group_session.h"
#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "tests/support/fake_group.h"
#include "wire/error_code.h"

namespace kferry::groupproto {

using test::eventually;
using test::fails;
using test::FakeReply;
using test::has;
using test::ok;
using test::wait_for;
using test::WireRequest;
using wire::ApiKey;

class SessionFixture : public testing::Test {
 protected:
  static constexpr Duration kLong{20'000};
  inline static const BrokerId kFirst{1};
  inline static const BrokerId kSecond{2};
  inline static const GroupMember kSomebody{MemberId("app-1"), "app", "/10.0.0.7"};

  SessionFixture() {
    group_.serve(first_);
    group_.serve(second_);
    coordinator_is(kFirst);
  }

  static TopicPartition tp(int32_t partition) { return {TopicName("t"), Partition(partition)}; }

  void coordinator_is(BrokerId id) {
    group_.coordinator_is(id);
    const test::FakeView view{.brokers = {{kFirst, first_.address()}, {kSecond, second_.address()}},
                              .leaders = {},
                              .coordinator = id};
    first_.show(view);
    second_.show(view);
  }
  template <class Request>
  void speak(int16_t lowest, int16_t highest) {
    first_.speak<Request>(lowest, highest);
    second_.speak<Request>(lowest, highest);
  }
  void connect() {
    cluster_.emplace(test::connect_to({&first_, &second_}, client_));
    coordinators_.emplace(*cluster_);
  }
  Result<std::unique_ptr<GroupSession>> join(const Wait& wait = wait_for(kLong)) {
    if (!cluster_) connect();
    return GroupSession::join(*coordinators_, group_.id(), {tp(0), tp(1)}, config_, wait);
  }
  // Throws.
  std::unique_ptr<GroupSession> joined() {
    auto session = join();
    if (!session) throw std::runtime_error(session.error().message);
    return std::move(*session);
  }
  // The next request of that kind gets that code.
  template <class Request>
  void answer_next(int16_t code) {
    first_.answer_once<Request>([code](const Request&, const WireRequest& raw) {
      typename Request::Response response;
      response.error_code = code;
      if constexpr (requires { response.protocol_name; }) response.protocol_name = "";
      (void)raw;
      return response;
    });
  }
  // The next request of that kind has its effect (or not), but the connection is cut.
  void lose_answer(ApiKey api_key, bool with_effect = true) {
    first_.once(api_key, [this, with_effect](const WireRequest& request) {
      if (with_effect) group_.handle(request, kFirst);
      return FakeReply{.close = true};
    });
  }
  size_t count(ApiKey api_key) const { return first_.count(api_key) + second_.count(api_key); }

  test::FakeGroup group_;
  test::FakeBroker first_{kFirst};
  test::FakeBroker second_{kSecond};
  wire::ClientConfig client_;
  // No heartbeat in the background, unless a test wants some.
  SessionConfig config_{.session_timeout = Duration(3'000),
                        .heartbeat_interval = Duration(600'000),
                        .join_timeout = Duration(10'000)};
  std::optional<wire::Cluster> cluster_;
  std::optional<Coordinators> coordinators_;
};

}  // namespace kferry::groupproto
