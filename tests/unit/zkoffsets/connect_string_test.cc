#include "zkoffsets/connect_string.h"

#include <chrono>

#include <gtest/gtest.h>

#include "zkoffsets/zk_client.h"

namespace kferry::zkoffsets {
namespace {

TEST(ConnectStringTest, ServersAndChroot) {
  const auto parsed =
      parse_connect_string("zk-1.example:2181, 10.0.0.2:2182,[::1]:2183,zk4/kafka/a b");
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->servers.size(), 4u);
  EXPECT_EQ(parsed->servers[0].host, "zk-1.example");
  EXPECT_EQ(parsed->servers[0].port, 2181);
  EXPECT_EQ(parsed->servers[1].host, "10.0.0.2");
  EXPECT_EQ(parsed->servers[1].port, 2182);
  EXPECT_EQ(parsed->servers[2].host, "::1");
  EXPECT_EQ(parsed->servers[2].port, 2183);
  EXPECT_EQ(parsed->servers[3].host, "zk4");
  EXPECT_EQ(parsed->servers[3].port, 2181) << "the default of ZooKeeper's Java client";
  EXPECT_EQ(parsed->chroot, "/kafka/a b");
}

TEST(ConnectStringTest, WithoutChroot) {
  EXPECT_EQ(parse_connect_string("zk:1")->chroot, "");
  EXPECT_EQ(parse_connect_string("zk:65535")->servers[0].port, 65535);
}

TEST(ConnectStringTest, WhatIsWrongIsUsage) {
  for (const char* connect : {"",
                              " ",
                              "/kafka",
                              ",",
                              "zk:2181,",
                              ",zk:2181",
                              "zk:2181,,zk2:2181",
                              ":2181",
                              "zk:",
                              "zk:0",
                              "zk:65536",
                              "zk:-1",
                              "zk:abc",
                              "zk:2181x",
                              "zk:02181",
                              "z k:2181",
                              "zk:2181/",
                              "zk:2181/kafka/",
                              "zk:2181//kafka",
                              "zk:2181/a/../b",
                              "zk:2181/.",
                              "zk:2181/kafka,zk2:2181",
                              "zk:2181/kafka,zk2:2181/kafka",
                              "[::1:2181",
                              "[zk]:2181",
                              "::1:2181",
                              "zk:2181:2182",
                              "-h:2181",
                              "zookeeper://zk:2181",
                              "zk:2181\n",
                              "zk:2181/a\nb"}) {
    const Result<> checked = check_connect_string(connect);
    ASSERT_FALSE(checked) << connect;
    EXPECT_EQ(checked.error().kind, ErrorKind::kUsage) << connect;
    EXPECT_EQ(checked.error().message.find('\n'), std::string::npos) << connect;
    EXPECT_FALSE(checked.error().hint.empty()) << connect;
  }
}

TEST(ZkClientTest, AConnectStringThatIsWrongNeverReachesTheNetwork) {
  const StopToken stop;
  const auto client = ZkClient::connect({.connect = "zk:0"}, stop);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().kind, ErrorKind::kUsage);
}

TEST(ZkClientTest, ARefusedPortIsUnreachableWithinTheTimeOutAndSaysWhy) {
  const StopToken stop;
  const auto began = std::chrono::steady_clock::now();
  const auto client =
      ZkClient::connect({.connect = "127.0.0.1:1", .connect_timeout = Duration(400)}, stop);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().kind, ErrorKind::kUnreachable);
  EXPECT_NE(client.error().message.find("127.0.0.1:1"), std::string::npos);
  EXPECT_NE(client.error().message.find("Connection refused"), std::string::npos)
      << client.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST(ZkClientTest, AStopRequestEndsTheWait) {
  StopToken stop;
  stop.request_stop();
  const auto client = ZkClient::connect({.connect = "127.0.0.1:1"}, stop);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().kind, ErrorKind::kInterrupted);
}

}  // namespace
}  // namespace kferry::zkoffsets
