// Connection and Broker against peers that misbehave: every wait ends, and nothing is believed.
#include <chrono>
#include <cstring>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "wire/messages.h"

namespace {

// Stands before the C library's: one name takes longer than anybody wants to wait.
constexpr const char* kSlowName = "slow.kferry.test";

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  if (node != nullptr && std::strcmp(node, kSlowName) == 0) {
    std::this_thread::sleep_for(std::chrono::seconds(3));
    return EAI_AGAIN;
  }
  using Real = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  return reinterpret_cast<Real>(dlsym(RTLD_NEXT, "getaddrinfo"))(node, service, hints, found);
}

namespace kferry::wire {
namespace {

using namespace std::string_literals;
using test::fails;
using test::FakeBroker;
using test::FakeReply;
using test::has;
using test::ok;
using test::Stopwatch;
using test::wait_for;
using test::WireRequest;

constexpr Duration kSoon{1'500};  // what "at once" is on a busy machine under a sanitizer
constexpr Duration kLong{10'000};

Broker connected(const FakeBroker& fake, const ClientConfig& config = {}) {
  auto broker = Broker::connect(fake.address(), config, wait_for(kLong));
  if (!broker) throw std::runtime_error(broker.error().message);
  return std::move(*broker);
}

Error describe_error(const FakeReply& reply) {
  FakeBroker fake;
  fake.on(ApiKey::kDescribeGroups, [&](const WireRequest&) { return reply; });
  Broker broker = connected(fake);
  const auto answer = broker.call(DescribeGroupsRequest{{GroupId("g")}}, wait_for(kLong));
  EXPECT_FALSE(answer.has_value());
  EXPECT_FALSE(broker.is_open()) << "what comes next on this connection cannot be trusted";
  return answer ? Error{} : answer.error();
}

TEST(Connection, RefusedIsUnreachableAtOnce) {
  const uint16_t port = test::port_of(test::listen_on_loopback());
  const Stopwatch watch;
  const auto opened = Connection::open({"127.0.0.1", port}, wait_for(kLong));
  ASSERT_TRUE(fails(opened, ErrorKind::kUnreachable, ""));
  EXPECT_TRUE(has(opened.error().message, fmt::format("127.0.0.1:{}", port)));
  EXPECT_TRUE(has(opened.error().message, "refused"));
  EXPECT_LT(watch.elapsed(), kSoon);
}

TEST(Connection, NamesAreLookedUp) {
  const FakeBroker fake;
  EXPECT_TRUE(Connection::open({"localhost", fake.address().port}, wait_for(kLong)));
  const auto unknown = Connection::open({"no-such-host.invalid", 9092}, wait_for(kLong));
  ASSERT_TRUE(fails(unknown, ErrorKind::kUnreachable, "looking up its name"));
}

TEST(Connection, ALookUpThatHangsIsLeftBehind) {
  Stopwatch watch;
  const auto late = Connection::open({kSlowName, 9092}, wait_for(Duration(200)));
  ASSERT_TRUE(fails(late, ErrorKind::kUnreachable, ""));
  EXPECT_LT(watch.elapsed(), kSoon);

  StopToken stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Duration(100));
    stop.request_stop();
  });
  watch = {};
  const auto stopped = Connection::open({kSlowName, 9092}, Wait(Deadline::after(kLong), stop));
  ASSERT_TRUE(fails(stopped, ErrorKind::kInterrupted, ""));
  EXPECT_LT(watch.elapsed(), kSoon);
}

TEST(Connection, FramesOfImpossibleLengthAreNoKafka) {
  for (const std::string& bytes :
       {"\x7f\xff\xff\xff"s, "\x80\0\0\0"s, "\0\0\0\2ab"s, "\0\0\0\0"s, "HTTP/1.1 400"s}) {
    const Error error = describe_error({.bytes = bytes, .raw = true});
    EXPECT_EQ(error.kind, ErrorKind::kFailed) << error.message;
    EXPECT_TRUE(has(error.message, "not a Kafka listener"));
  }
}

TEST(Connection, MemoryGrowsWithWhatComesNotWithWhatIsPromised) {
  // 100 MB promised, 5 bytes sent, then closed.
  const Error error = describe_error(
      {.bytes = test::int32_bytes(100'000'000) + "hello", .raw = true, .close = true});
  EXPECT_EQ(error.kind, ErrorKind::kUnreachable);
  EXPECT_TRUE(has(error.message, "reading an answer"));
}

TEST(Connection, AnAnswerMayDrip) {
  FakeBroker fake;
  fake.on(ApiKey::kDescribeGroups, [](const WireRequest& request) {
    DescribeGroupsResponse response;
    response.groups.emplace_back().group_id = GroupId("g");
    FakeReply reply = reply_with(response, request);
    reply.drip = Duration(1);
    return reply;
  });
  Broker broker = connected(fake);
  const auto answer = broker.call(DescribeGroupsRequest{{GroupId("g")}}, wait_for(kLong));
  ASSERT_TRUE(ok(answer));
  EXPECT_EQ(answer->groups.at(0).group_id, GroupId("g"));
}

TEST(Connection, ASilentPeerTimesOut) {
  FakeBroker fake;
  fake.on(ApiKey::kDescribeGroups, [](const WireRequest&) { return FakeReply{.silent = true}; });
  ClientConfig config;
  config.request_timeout = Duration(300);
  Broker broker = connected(fake, config);
  const Stopwatch watch;
  const auto answer = broker.call(DescribeGroupsRequest{{GroupId("g")}}, wait_for(kLong));
  ASSERT_TRUE(fails(answer, ErrorKind::kUnreachable, "timed out"));
  EXPECT_GE(watch.elapsed(), Duration(300));
  EXPECT_LT(watch.elapsed(), Duration(300) + kSoon);
  EXPECT_FALSE(broker.is_open());
}

TEST(Connection, AStopEndsAWaitForAnAnswer) {
  FakeBroker fake;
  fake.on(ApiKey::kDescribeGroups, [](const WireRequest&) { return FakeReply{.silent = true}; });
  Broker broker = connected(fake);
  StopToken stop;
  Stopwatch watch;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Duration(200));
    watch = {};
    stop.request_stop();
  });
  const auto answer =
      broker.call(DescribeGroupsRequest{{GroupId("g")}}, Wait(Deadline::after(kLong), stop));
  stopper.join();
  EXPECT_LT(watch.elapsed(), Duration(300) + kSoon / 2);
  ASSERT_TRUE(fails(answer, ErrorKind::kInterrupted, ""));
}

TEST(Connection, AStopEndsAWriteThatNobodyReads) {
  const test::Socket listener = test::listen_on_loopback();  // the kernel accepts for it
  auto connection = Connection::open({"127.0.0.1", test::port_of(listener)}, wait_for(kLong));
  ASSERT_TRUE(ok(connection));
  const std::string more_than_buffers_hold(64'000'000, 'x');
  StopToken stop;
  Stopwatch watch;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Duration(200));
    watch = {};
    stop.request_stop();
  });
  const auto sent = connection->send({more_than_buffers_hold}, Wait(Deadline::after(kLong), stop));
  stopper.join();
  EXPECT_LT(watch.elapsed(), Duration(300) + kSoon / 2);
  ASSERT_TRUE(fails(sent, ErrorKind::kInterrupted, "sending a request"));
  EXPECT_FALSE(connection->is_open());
}

TEST(Broker, AnAnswerWithAnotherCorrelationIdIsRefused) {
  const Error error = describe_error(
      {.bytes = test::encode_body(DescribeGroupsResponse{}, 6), .correlation_shift = 1});
  EXPECT_EQ(error.kind, ErrorKind::kFailed);
  EXPECT_TRUE(has(error.message, "answer 2 to DescribeGroupsRequest came where answer 1"));
}

TEST(Broker, AMalformedBodyIsRefused) {
  DescribeGroupsResponse response;
  response.groups.emplace_back().group_id = GroupId("g");
  const std::string body = test::encode_body(response, 6);
  const Error truncated = describe_error({.bytes = body.substr(0, body.size() - 3)});
  EXPECT_EQ(truncated.kind, ErrorKind::kFailed);
  EXPECT_TRUE(has(truncated.message, "malformed DescribeGroupsResponse version 6"));
  EXPECT_TRUE(has(truncated.message, "broker 127.0.0.1:"));
  EXPECT_TRUE(has(describe_error({.bytes = body + "x"}).message, "left over"));
}

}  // namespace
}  // namespace kferry::wire
