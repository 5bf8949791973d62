// Reading committed offsets, Kafka's and ZooKeeper's, in every version.
#include <gtest/gtest.h>

#include "groupproto/group_offsets.h"
#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "wire/error_code.h"
#include "wire/messages.h"

namespace kferry::groupproto {
namespace {

using test::connect_to;
using test::fails;
using test::FakeBroker;
using test::FakeReply;
using test::ok;
using test::wait_for;
using test::WireRequest;
using wire::ApiKey;
using wire::OffsetFetchRequest;
using wire::OffsetFetchResponse;

constexpr Duration kLong{10'000};
constexpr Duration kShort{800};
const GroupId kGroup{"g"};

TopicPartition tp(const char* topic, int32_t partition) {
  return {TopicName(topic), Partition(partition)};
}

// What a broker keeps of one group.
struct Kept {
  std::map<TopicPartition, int64_t> offsets = {};
  std::map<TopicPartition, int16_t> codes = {};
  int16_t code = 0;  // of the group as a whole
};
using Keeps = std::map<GroupId, Kept>;

template <class Topics>
void add(Topics& topics, const TopicPartition& partition, const Kept& kept) {
  if (topics.empty() || topics.back().name != partition.topic)
    topics.emplace_back().name = partition.topic;
  auto& one = topics.back().partitions.emplace_back();
  one.partition_index = partition.partition;
  one.metadata = "";
  if (const auto found = kept.offsets.find(partition); found != kept.offsets.end()) {
    one.committed_offset = found->second;
    one.metadata = fmt::format("m{}", found->second);
  }
  if (const auto found = kept.codes.find(partition); found != kept.codes.end())
    one.error_code = found->second;
}

std::vector<OffsetFetchResponse::Topic> topics_of(
    const Kept& kept, const std::optional<std::vector<OffsetFetchRequest::Topic>>& asked) {
  std::vector<OffsetFetchResponse::Topic> topics;
  if (asked) {
    for (const auto& topic : *asked)
      for (const Partition partition : topic.partition_indexes)
        add(topics, {topic.name, partition}, kept);
    return topics;
  }
  std::map<TopicPartition, int64_t> all = kept.offsets;
  for (const auto& [partition, code] : kept.codes) all.emplace(partition, -1);
  for (const auto& [partition, offset] : all) add(topics, partition, kept);
  return topics;
}

OffsetFetchResponse answer_from(const Keeps& keeps, const OffsetFetchRequest& request,
                                int16_t version) {
  OffsetFetchResponse response;
  if (version >= 8) {
    for (const auto& group : request.groups) {
      const Kept& kept = keeps.at(group.group_id);
      response.groups.push_back({group.group_id, topics_of(kept, group.topics), kept.code});
    }
    return response;
  }
  const Kept& kept = keeps.at(request.group_id);
  response.topics = topics_of(kept, request.topics);
  response.error_code = kept.code;
  if (version < 2)
    for (auto& topic : response.topics)
      for (auto& one : topic.partitions)
        if (kept.code != 0) one.error_code = kept.code;
  return response;
}

class OffsetFetch : public testing::Test {
 protected:
  FakeBroker::Handler from(const Keeps& keeps) {
    return [keeps](const WireRequest& request) {
      return reply_with(answer_from(keeps, request.as<OffsetFetchRequest>(), request.version()),
                        request);
    };
  }
  void keep(const Keeps& keeps) { fake_.on(ApiKey::kOffsetFetch, from(keeps)); }
  void keep_once(const Keeps& keeps) { fake_.once(ApiKey::kOffsetFetch, from(keeps)); }

  Result<OffsetsByGroup> fetch(const std::vector<OffsetsQuery>& queries, Duration wait = kLong) {
    wire::Cluster cluster = connect_to({&fake_});
    Coordinators coordinators(cluster);
    return fetch_kafka_offsets(coordinators, queries, wait_for(wait));
  }
  Result<ZookeeperOffsetsByGroup> fetch_zookeeper(const std::vector<OffsetsQuery>& queries) {
    wire::Cluster cluster = connect_to({&fake_});
    KFERRY_TRY(wire::Broker* const broker, cluster.any_broker(wait_for(kLong)));
    return fetch_zookeeper_offsets(*broker, queries, wait_for(kLong));
  }

  FakeBroker fake_;
};

TEST_F(OffsetFetch, OfKafkaInEveryVersion) {
  keep({{kGroup,
         {.offsets = {{tp("a", 0), 10}, {tp("a", 1), -1}, {tp("b", 0), 0}},
          .codes = {{tp("c", 0), wire::kUnknownTopicOrPartition}}}}});
  for (int16_t version = 1; version <= OffsetFetchRequest::kVersions.highest; ++version) {
    fake_.speak<OffsetFetchRequest>(0, version);
    const auto found = fetch({{kGroup, {tp("a", 0), tp("a", 1), tp("b", 0), tp("c", 0)}}});
    ASSERT_TRUE(ok(found));
    ASSERT_TRUE(ok(found->at(kGroup)));
    const GroupOffsets expected{{tp("a", 0), {Offset(10), "m10"}}, {tp("b", 0), {Offset(0), "m0"}}};
    EXPECT_EQ(*found->at(kGroup), expected) << version;
    const auto raw = fake_.requests(ApiKey::kOffsetFetch).back();
    EXPECT_EQ(raw.version(), version) << "never 0: that would read ZooKeeper";
    const auto asked = raw.as<OffsetFetchRequest>();
    if (version < 2) {
      EXPECT_EQ(asked.topics->at(0).partition_indexes.size(), 2U);
    } else {
      EXPECT_FALSE(asked.topics.has_value()) << "all that the group has";
    }
    EXPECT_EQ(asked.require_stable, version >= 7);
    EXPECT_EQ(asked.groups.size(), version >= 8 ? 1U : 0U);
  }
}

TEST_F(OffsetFetch, OfManyGroupsIsBatchedOrPipelined) {
  Keeps keeps;
  std::vector<OffsetsQuery> queries;
  for (int i = 0; i < 250; ++i) {
    const GroupId group(fmt::format("g{}", i));
    keeps[group] = {.offsets = {{tp("a", 0), i}}};
    queries.push_back({group, {tp("a", 0)}});
  }
  keep(keeps);
  for (const int16_t version : {int16_t{9}, int16_t{7}, int16_t{1}}) {
    fake_.speak<OffsetFetchRequest>(0, version);
    const size_t before = fake_.count(ApiKey::kOffsetFetch);
    const auto found = fetch(queries);
    ASSERT_TRUE(ok(found));
    EXPECT_EQ(found->size(), 250U);
    for (int i = 0; i < 250; ++i)
      EXPECT_EQ((*found->at(GroupId(fmt::format("g{}", i)))).at(tp("a", 0)).offset, Offset(i));
    EXPECT_EQ(fake_.count(ApiKey::kOffsetFetch) - before, version >= 8 ? 3U : 250U);
  }
}

TEST_F(OffsetFetch, TroubleOfOneGroupIsItsOwn) {
  keep(
      {{kGroup, {.offsets = {{tp("a", 0), 1}}}},
       {GroupId("denied"), {.offsets = {{tp("a", 0), 1}}, .code = wire::kGroupAuthorizationFailed}},
       {GroupId("broken"), {.codes = {{tp("a", 0), wire::kUnknownServerError}}}}});
  for (const int16_t version : {int16_t{9}, int16_t{5}, int16_t{1}}) {
    fake_.speak<OffsetFetchRequest>(0, version);
    const auto found = fetch({{kGroup, {tp("a", 0)}},
                              {GroupId("denied"), {tp("a", 0)}},
                              {GroupId("broken"), {tp("a", 0)}}});
    ASSERT_TRUE(ok(found));
    EXPECT_TRUE(ok(found->at(kGroup)));
    EXPECT_TRUE(fails(found->at(GroupId("denied")), ErrorKind::kNotAuthorised, "'denied'"));
    EXPECT_TRUE(fails(found->at(GroupId("broken")), ErrorKind::kFailed, "a-0"));
  }
}

TEST_F(OffsetFetch, OffsetsOfAnOpenTransactionAreWaitedFor) {
  const Kept stable{.offsets = {{tp("a", 0), 5}}};
  Kept unstable = stable;
  unstable.codes[tp("a", 0)] = wire::kUnstableOffsetCommit;
  keep_once({{kGroup, unstable}});
  keep({{kGroup, stable}});
  const auto found = fetch({{kGroup, {}}});
  ASSERT_TRUE(ok(found));
  ASSERT_TRUE(ok(found->at(kGroup)));
  EXPECT_EQ(found->at(kGroup)->at(tp("a", 0)).offset, Offset(5));
}

TEST_F(OffsetFetch, ATransactionThatStaysOpenIsItsGroupsTroubleAlone) {
  keep({{kGroup, {.offsets = {{tp("a", 0), 5}}}},
        {GroupId("open"), {.codes = {{tp("a", 0), wire::kUnstableOffsetCommit}}}}});
  const auto found = fetch({{kGroup, {}}, {GroupId("open"), {}}}, kShort);
  ASSERT_TRUE(ok(found));
  EXPECT_TRUE(ok(found->at(kGroup)));
  EXPECT_TRUE(fails(found->at(GroupId("open")), ErrorKind::kFailed, "UNSTABLE_OFFSET_COMMIT"));
}

TEST_F(OffsetFetch, ANewCoordinatorIsLookedFor) {
  for (const int16_t version : {int16_t{9}, int16_t{5}, int16_t{1}}) {
    fake_.speak<OffsetFetchRequest>(0, version);
    keep_once({{kGroup, {.offsets = {{tp("a", 0), 5}}, .code = wire::kNotCoordinator}}});
    keep({{kGroup, {.offsets = {{tp("a", 0), 5}}}}});
    const size_t before = fake_.count(ApiKey::kFindCoordinator);
    const auto found = fetch({{kGroup, {tp("a", 0)}}});
    ASSERT_TRUE(ok(found));
    EXPECT_TRUE(ok(found->at(kGroup)));
    EXPECT_EQ(fake_.count(ApiKey::kFindCoordinator), before + 2);
  }
}

TEST_F(OffsetFetch, WhatAnAnswerLeavesOutIsNotTakenForNoOffset) {
  keep({{kGroup, {.offsets = {{tp("a", 0), 5}}}}});
  fake_.answer<OffsetFetchRequest>([](const auto&, const auto&) { return OffsetFetchResponse{}; });
  fake_.speak<OffsetFetchRequest>(0, 1);
  const auto kafka = fetch({{kGroup, {tp("a", 0)}}});
  ASSERT_TRUE(ok(kafka));
  EXPECT_TRUE(fails(kafka->at(kGroup), ErrorKind::kFailed, "a-0"));
  const auto zookeeper = fetch_zookeeper({{kGroup, {tp("a", 0)}}});
  ASSERT_TRUE(ok(zookeeper));
  EXPECT_TRUE(fails(zookeeper->at(kGroup), ErrorKind::kFailed, "a-0"));
  // A group that a batched answer leaves out.
  fake_.speak<OffsetFetchRequest>(0, 9);
  const auto batched = fetch({{kGroup, {tp("a", 0)}}}, kShort);
  EXPECT_FALSE(batched && batched->at(kGroup));
}

TEST_F(OffsetFetch, OfZooKeeperIsVersion0AndNoOther) {
  keep({{kGroup,
         {.offsets = {{tp("a", 0), 10}}, .codes = {{tp("a", 1), wire::kUnknownTopicOrPartition}}}},
        {GroupId("h"), {.offsets = {{tp("b", 0), 3}}}}});
  const auto found =
      fetch_zookeeper({{kGroup, {tp("a", 0), tp("a", 1)}}, {GroupId("h"), {tp("b", 0)}}});
  ASSERT_TRUE(ok(found));
  EXPECT_EQ(found->at(kGroup)->found.size(), 1U);
  EXPECT_EQ(found->at(kGroup)->found.at(tp("a", 0)).offset, Offset(10));
  EXPECT_EQ(found->at(GroupId("h"))->found.at(tp("b", 0)).offset, Offset(3));
  for (const auto& request : fake_.requests(ApiKey::kOffsetFetch)) EXPECT_EQ(request.version(), 0);
  EXPECT_EQ(fake_.count(ApiKey::kFindCoordinator), 0U) << "any broker reads ZooKeeper";
}

TEST_F(OffsetFetch, OfZooKeeperIsNotOfferedByKRaft) {
  fake_.speak<OffsetFetchRequest>(1, 9);  // 4.x
  const auto refused = fetch_zookeeper({{kGroup, {tp("a", 0)}}});
  ASSERT_TRUE(fails(refused, ErrorKind::kFailed, "versions 1 to 9, kferry needs 0 to 0"));
  EXPECT_EQ(refused.error().kafka_code, wire::kUnsupportedVersion);
  EXPECT_EQ(fake_.count(ApiKey::kOffsetFetch), 0U);
  fake_.speak<OffsetFetchRequest>(0, 9);  // 3.x advertises it all the same
  keep({{kGroup, {.codes = {{tp("a", 0), wire::kUnsupportedVersion}}}}});
  const auto found = fetch_zookeeper({{kGroup, {tp("a", 0)}}});
  ASSERT_TRUE(ok(found));
  ASSERT_TRUE(fails(found->at(kGroup), ErrorKind::kFailed, ""));
  EXPECT_EQ(found->at(kGroup).error().kafka_code, wire::kUnsupportedVersion);
}

TEST_F(OffsetFetch, OfZooKeeperTellsWhatABrokerCannotRead) {
  keep({{kGroup,
         {.offsets = {{tp("a", 0), 10}}, .codes = {{tp("a", 1), wire::kUnknownServerError}}}}});
  const auto found = fetch_zookeeper({{kGroup, {tp("a", 0), tp("a", 1)}}});
  ASSERT_TRUE(ok(found));
  ASSERT_TRUE(ok(found->at(kGroup)));
  EXPECT_EQ(found->at(kGroup)->found.size(), 1U);
  EXPECT_EQ(found->at(kGroup)->unreadable, std::set{tp("a", 1)});
}

}  // namespace
}  // namespace kferry::groupproto
