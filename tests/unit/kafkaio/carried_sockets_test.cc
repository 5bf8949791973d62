// librdkafka over connections that are not its own.
#include "kafkaio/carried_sockets.h"

#include <atomic>
#include <set>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kafkaio/admin.h"
#include "tests/support/expectations.h"
#include "tests/unit/kafkaio/mock_cluster.h"
#include "wire/connection.h"

namespace kferry::kafkaio {
namespace {

using test::eventually;
using test::fails;
using test::ok;

constexpr Duration kLong{15'000};

// Without TLS and login, which wire/'s own tests have.
Result<> carry_plainly(const std::string& broker, int descriptor, const StopToken& stop) {
  const auto address = wire::parse_bootstrap_servers(broker).value().front();
  auto connection = wire::Connection::open(address, Wait(Deadline::after(kLong), stop));
  if (!connection) {
    close(descriptor);
    return std::unexpected(connection.error());
  }
  connection->carry(descriptor, stop);
  return {};
}

TEST(CarriedSockets, EndWhenTheirOwnerCloses) {
  std::atomic<int> ended = 0;
  CarriedSockets sockets([&](const std::string& broker, int descriptor, const StopToken&) {
    EXPECT_EQ(broker, "b:1");
    char byte = 0;
    while (read(descriptor, &byte, 1) == 1) EXPECT_EQ(write(descriptor, &byte, 1), 1);
    close(descriptor);
    ++ended;
    return Result<>();
  });
  for (int i = 1; i <= 3; ++i) {
    const int socket = sockets.open();
    ASSERT_GE(socket, 0);
    ASSERT_EQ(sockets.connect(socket, "b:1"), 0);
    EXPECT_NE(sockets.connect(socket, "b:1"), 0) << "it is connected already";
    char byte = 'x';
    ASSERT_EQ(write(socket, &byte, 1), 1);
    ASSERT_EQ(read(socket, &byte, 1), 1);
    EXPECT_EQ(byte, 'x');
    sockets.close(socket);
    EXPECT_TRUE(eventually([&] { return ended == i; }));
  }
  sockets.close(sockets.open());  // one that was never connected
  EXPECT_FALSE(sockets.trouble());
}

TEST(CarriedSockets, EndWithTheObject) {
  int socket = -1;
  {
    CarriedSockets sockets([](const std::string&, int descriptor, const StopToken& stop) {
      while (stop.sleep_for(Duration(10))) {
      }
      close(descriptor);
      return Result<>();
    });
    socket = sockets.open();
    ASSERT_EQ(sockets.connect(socket, "b:1"), 0);
  }
  char byte = 0;
  EXPECT_EQ(read(socket, &byte, 1), 0);
  close(socket);
}

// It depends on what librdkafka passes to its connect_cb: the broker's HOST:PORT.
TEST(CarriedSockets, CarryLibrdkafkaToEachBroker) {
  MockCluster mock(2);
  mock.create_topic("orders", 2);
  std::mutex mutex;
  std::set<std::string> reached;
  const auto carrier = [&](const std::string& broker, int descriptor, const StopToken& stop) {
    {
      const std::lock_guard lock(mutex);
      reached.insert(broker);
    }
    return carry_plainly(broker, descriptor, stop);
  };
  auto admin = Admin::connect({.bootstrap_servers = mock.servers(), .carrier = carrier});
  ASSERT_TRUE(ok(admin));
  const StopToken never;
  const std::vector<TopicPartition> partitions{{TopicName("orders"), Partition(0)}};
  const auto offsets =
      admin->committed_offsets({{GroupId("g"), partitions}}, Wait(Deadline::after(kLong), never));
  ASSERT_TRUE(ok(offsets));
  EXPECT_TRUE(ok(offsets->at(GroupId("g"))));
  const std::lock_guard lock(mutex);
  for (const std::string& broker : reached)
    EXPECT_NE(mock.servers().find(broker), std::string::npos) << broker;
  EXPECT_FALSE(reached.empty());
}

TEST(CarriedSockets, WhoIsRefusedIsToldWhyAtOnce) {
  const auto refuse = [](const std::string&, int descriptor, const StopToken&) -> Result<> {
    close(descriptor);
    return fail(ErrorKind::kNotAuthorised, "the login was refused", "check the password");
  };
  auto admin = Admin::connect({.bootstrap_servers = "localhost:1", .carrier = refuse});
  ASSERT_TRUE(ok(admin));
  const StopToken never;
  const test::Stopwatch watch;
  const std::vector<TopicPartition> partitions{{TopicName("orders"), Partition(0)}};
  const auto offsets =
      admin->committed_offsets({{GroupId("g"), partitions}}, Wait(Deadline::after(kLong), never));
  ASSERT_TRUE(fails(offsets, ErrorKind::kNotAuthorised, "the login was refused"));
  EXPECT_EQ(offsets.error().hint, "check the password");
  EXPECT_LT(watch.elapsed(), Duration(8'000));
}

}  // namespace
}  // namespace kferry::kafkaio
