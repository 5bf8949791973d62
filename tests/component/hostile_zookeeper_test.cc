// Whatever a ZooKeeper server answers, kferry ends in time, with an error.
#include <gtest/gtest.h>

#include "tests/support/expectations.h"
#include "tests/support/fake_zookeeper.h"
#include "tests/support/hostile_broker.h"
#include "zkoffsets/jute.h"
#include "zkoffsets/multi_reader.h"
#include "zkoffsets/zk_client.h"

namespace kferry::zkoffsets {
namespace {

using namespace std::string_literals;
using test::FakeZookeeper;
using test::has;
using test::ok;
using test::Spoiled;
using test::Stopwatch;

// ZooDefs.OpCode
constexpr int32_t kGetData = 4;
constexpr int32_t kGetChildren = 8;
constexpr int32_t kMultiRead = 22;

constexpr Duration kInTime{8'000};
const std::map<std::string, test::FakeNode> kOneNode{{"/a", {}}};
const StopToken never;

struct Hostility {
  std::string name;
  FakeZookeeper::Spoiler answer;
};

FakeZookeeper::Spoiler always(Spoiled reply) {
  return [reply = std::move(reply)](int32_t) { return reply; };
}

// A reply with the right number, and such a body.
FakeZookeeper::Spoiler body(const std::string& bytes) {
  return [bytes](int32_t number) {
    JuteWriter out;
    out.number(number).number(int64_t{100}).number(int32_t{0}).append(bytes);
    return Spoiled{.bytes = test::framed(out.bytes())};
  };
}

std::vector<Hostility> hostilities() {
  constexpr Duration kDrip{1'000};
  const std::string large = test::int32_bytes(100'000'000);
  return {
      {"garbage", always({.bytes = "HTTP/1.1 400 Bad Request\r\n\r\n"})},
      {"2 GB", always({.bytes = "\x7f\xff\xff\xff"s + std::string(100, 'x')})},
      {"a negative length", always({.bytes = "\xff\xff\xff\xf0"s + std::string(100, 'x')})},
      {"a byte a second", always({.bytes = large + std::string(100, 'x'), .drip = kDrip})},
      {"silence", always({})},
      {"an end in a frame", always({.bytes = large + "abc", .close = true})},
      {"an end", always({.close = true})},
  };
}

// To requests of a session that stands.
std::vector<Hostility> hostile_answers() {
  std::vector<Hostility> all = hostilities();
  all.push_back({"nothing", body("")});
  all.push_back({"an array of 2^27", body("\x08\0\0\0"s + std::string(1'000, '\0'))});
  all.push_back({"an array of 2^27, none there", body("\x08\0\0\0"s)});
  all.push_back({"an array of -1", body("\xff\xff\xff\xff"s)});
  all.push_back({"a negative length", body("\x80\0\0\0"s + std::string(1'000, '\0'))});
  all.push_back({"another number", [](int32_t number) { return body("")(number + 1); }});
  // What the C client by itself ends the process for, or takes for an empty list.
  all.push_back({"two answers", [](int32_t number) {
                   const Spoiled one = body("\0\0\0\0"s)(number + 1'000);
                   return Spoiled{.bytes = one.bytes + one.bytes};
                 }});
  all.push_back({"a malformed watch event", [](int32_t) { return body("\0\0"s)(-1); }});
  all.push_back({"a cut-off header", always({.bytes = test::framed("\0\0\0\1\0\0"s)})});
  all.push_back({"an empty frame", always({.bytes = test::framed("")})});
  return all;
}

ZkConfig impatient(const FakeZookeeper& server) {
  return {.connect = server.connect_string(),
          .connect_timeout = Duration(1'500),
          .request_timeout = Duration(1'000)};
}

TEST(HostileZookeeper, NobodyIsTakenForAServer) {
  test::side_by_side(hostilities(), [](const Hostility& hostility) {
    SCOPED_TRACE(hostility.name);
    FakeZookeeper server(kOneNode);
    server.spoil(FakeZookeeper::kGreeting, hostility.answer);
    const Stopwatch watch;
    const auto client = ZkClient::connect(impatient(server), never);
    ASSERT_FALSE(client);
    EXPECT_TRUE(has(client.error().message, server.connect_string()));
    EXPECT_LT(watch.elapsed(), kInTime);
    EXPECT_FALSE(MultiReader::open(server.address(), {"", Duration(300), ""}, never));
  });
}

TEST(HostileZookeeper, NoAnswerIsBelieved) {
  test::side_by_side(hostile_answers(), [](const Hostility& hostility) {
    SCOPED_TRACE(hostility.name);
    FakeZookeeper server(kOneNode);
    for (const int32_t operation : {kGetData, kGetChildren, kMultiRead})
      server.spoil(operation, hostility.answer);
    const Stopwatch watch;
    auto client = ZkClient::connect(impatient(server), never);
    ASSERT_TRUE(ok(client));
    const auto children = client->children({"/a"}, never);
    EXPECT_FALSE(children);
    if (hostility.name == "two answers") {
      EXPECT_TRUE(has(children.error().message, "an answer that nobody asked for"));
    }
    EXPECT_LT(watch.elapsed(), kInTime);
    auto reader = MultiReader::open(server.address(), {"", Duration(300), ""}, never);
    ASSERT_TRUE(ok(reader));
    EXPECT_FALSE((*reader)->children({"/a"}, never));
    reader = MultiReader::open(server.address(), {"", Duration(300), ""}, never);
    ASSERT_TRUE(ok(reader));
    EXPECT_FALSE((*reader)->get({"/a"}, never));
  });
}

// multiRead is our own decoder's: it makes room for what can be there.
TEST(HostileZookeeper, AnArrayWithoutAnEndIsNotMadeRoomFor) {
  FakeZookeeper server(kOneNode);
  JuteWriter header;
  header.number(kGetChildren).boolean(false).number(int32_t{0});
  for (const std::string& count : {"\x7f\xff\xff\xff"s, "\x08\0\0\0"s, "\0\0\1\0"s}) {
    server.spoil(kMultiRead, body(header.bytes() + count + std::string(1'000, '\0')));
    const auto reader = MultiReader::open(server.address(), {"", Duration(300), ""}, never);
    ASSERT_TRUE(ok(reader));
    EXPECT_TRUE(test::fails((*reader)->children({"/a"}, never), ErrorKind::kFailed, "cut-off"));
  }
}

}  // namespace
}  // namespace kferry::zkoffsets
