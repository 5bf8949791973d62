// Committing offsets: what is sent in which version, and what the answers mean.
#include <set>

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
using wire::OffsetCommitRequest;
using wire::OffsetCommitResponse;

constexpr Duration kLong{10'000};
const GroupId kGroup{"g"};

TopicPartition tp(const char* topic, int32_t partition) {
  return {TopicName(topic), Partition(partition)};
}

OffsetCommitResponse accept(const OffsetCommitRequest& request) {
  OffsetCommitResponse response;
  for (const auto& topic : request.topics) {
    auto& to = response.topics.emplace_back();
    to.name = topic.name;
    for (const auto& one : topic.partitions) to.partitions.push_back({one.partition_index, 0});
  }
  return response;
}

class OffsetCommit : public testing::Test {
 protected:
  OffsetCommit() {
    fake_.answer<OffsetCommitRequest>(
        [](const OffsetCommitRequest& request, const WireRequest&) { return accept(request); });
  }
  Result<CommitResults> commit(const std::vector<OffsetToCommit>& offsets,
                               const CommitOptions& options = {},
                               const Committer& by = {kGroup, Generation(-1), {}}) {
    wire::Cluster cluster = connect_to({&fake_});
    KFERRY_TRY(wire::Broker* const broker, cluster.any_broker(wait_for(kLong)));
    return commit_offsets(*broker, by, offsets, options, wait_for(kLong));
  }
  std::vector<OffsetCommitRequest> commits() const { return fake_.decoded<OffsetCommitRequest>(); }

  FakeBroker fake_;
};

TEST_F(OffsetCommit, InEveryVersion) {
  for (int16_t version = 1; version <= OffsetCommitRequest::kVersions.highest; ++version) {
    fake_.speak<OffsetCommitRequest>(0, version);
    const auto done = commit({{tp("a", 0), Offset(5), "note"}, {tp("b", 3), Offset(0), ""}}, {},
                             {kGroup, Generation(7), MemberId("m")});
    ASSERT_TRUE(ok(done));
    EXPECT_EQ(*done, (CommitResults{{tp("a", 0), 0}, {tp("b", 3), 0}}));
    const auto raw = fake_.requests(ApiKey::kOffsetCommit).back();
    EXPECT_EQ(raw.version(), version) << "never 0: that would write to ZooKeeper";
    const auto sent = raw.as<OffsetCommitRequest>();
    EXPECT_EQ(sent.group_id, kGroup);
    EXPECT_EQ(sent.generation_id_or_member_epoch, Generation(7));
    EXPECT_EQ(sent.member_id, MemberId("m"));
    EXPECT_EQ(sent.retention_time_ms, -1);
    ASSERT_EQ(sent.topics.size(), 2U);
    const auto& first = sent.topics.at(0).partitions.at(0);
    EXPECT_EQ(first.committed_offset, Offset(5));
    EXPECT_EQ(first.committed_metadata, "note");
    EXPECT_EQ(first.commit_timestamp, -1) << "0 would let it expire at once";
    EXPECT_EQ(sent.topics.at(1).partitions.at(0).partition_index, Partition(3));
  }
}

TEST_F(OffsetCommit, OutsideAnyGenerationIsMinusOneAndNobody) {
  ASSERT_TRUE(ok(commit({{tp("a", 0), Offset(5), ""}})));
  EXPECT_EQ(commits().at(0).generation_id_or_member_epoch, Generation(-1));
  EXPECT_EQ(commits().at(0).member_id, MemberId(""));
}

TEST_F(OffsetCommit, ANegativeOffsetIsRefusedBeforeAnythingIsSent) {
  EXPECT_TRUE(fails(commit({{tp("a", 0), Offset(-1), ""}}), ErrorKind::kFailed,
                    "refusing to commit -1 for a-0"));
  // Also as the last of more than fit into one request.
  std::vector<OffsetToCommit> offsets;
  for (int32_t p = 0; p < 400; ++p)
    offsets.push_back({tp("a", p), Offset(p), std::string(4'000, 'm')});
  offsets.push_back({tp("a", 400), Offset(-2), ""});
  EXPECT_TRUE(fails(commit(offsets), ErrorKind::kFailed, "refusing to commit -2 for a-400"));
  EXPECT_EQ(fake_.count(ApiKey::kOffsetCommit), 0U);
}

TEST_F(OffsetCommit, OfNothingSendsNothing) {
  const auto done = commit({});
  ASSERT_TRUE(ok(done));
  EXPECT_TRUE(done->empty());
  EXPECT_EQ(fake_.count(ApiKey::kOffsetCommit), 0U);
}

TEST_F(OffsetCommit, ARetentionIsSentInAVersionThatHasIt) {
  for (const int16_t highest : {int16_t{2}, int16_t{3}, int16_t{9}}) {
    fake_.speak<OffsetCommitRequest>(0, highest);
    ASSERT_TRUE(ok(commit({{tp("a", 0), Offset(5), ""}}, {Duration(86'400'000)})));
    const auto raw = fake_.requests(ApiKey::kOffsetCommit).back();
    EXPECT_EQ(raw.version(), std::min(highest, int16_t{4}));
    EXPECT_EQ(raw.as<OffsetCommitRequest>().retention_time_ms, 86'400'000);
  }
}

TEST_F(OffsetCommit, ARetentionThatCannotBeSentIsAnErrorNotIgnored) {
  for (const wire::ApiVersionRange theirs :
       {wire::ApiVersionRange{0, 1}, wire::ApiVersionRange{5, 9}}) {
    fake_.speak<OffsetCommitRequest>(theirs.lowest, theirs.highest);
    EXPECT_TRUE(fails(commit({{tp("a", 0), Offset(5), ""}}, {Duration(1'000)}), ErrorKind::kFailed,
                      "kferry needs 2 to 4"));
  }
  EXPECT_EQ(fake_.count(ApiKey::kOffsetCommit), 0U);
}

TEST_F(OffsetCommit, CodesStandAtTheirPartitions) {
  fake_.answer<OffsetCommitRequest>([](const OffsetCommitRequest& request, const WireRequest&) {
    OffsetCommitResponse response = accept(request);
    response.topics.at(0).partitions.at(1).error_code = wire::kTopicAuthorizationFailed;
    response.topics.at(0).partitions.at(2).error_code = wire::kOffsetMetadataTooLarge;
    response.topics.at(0).partitions.pop_back();
    return response;
  });
  const auto done = commit({{tp("a", 0), Offset(5), ""},
                            {tp("a", 1), Offset(6), ""},
                            {tp("a", 2), Offset(7), ""},
                            {tp("a", 3), Offset(8), ""}});
  ASSERT_TRUE(ok(done));
  EXPECT_EQ(*done, (CommitResults{{tp("a", 0), 0},
                                  {tp("a", 1), wire::kTopicAuthorizationFailed},
                                  {tp("a", 2), wire::kOffsetMetadataTooLarge},
                                  {tp("a", 3), wire::kUnknownServerError}}))
      << "what the answer leaves out is no success";
}

TEST_F(OffsetCommit, AnAnswerAboutAnotherPartitionIsNoSuccessForOurs) {
  fake_.answer<OffsetCommitRequest>([](const auto&, const auto&) {
    OffsetCommitResponse response;
    response.topics.push_back({TopicName("other"), {{Partition(0), 0}}});
    return response;
  });
  const auto done = commit({{tp("a", 0), Offset(5), ""}});
  ASSERT_TRUE(ok(done));
  EXPECT_EQ(*done, (CommitResults{{tp("a", 0), wire::kUnknownServerError}}));
}

TEST_F(OffsetCommit, BigOnesAreSplitAndNothingIsLostOrSentTwice) {
  std::vector<OffsetToCommit> offsets;
  for (int32_t p = 0; p < 600; ++p)
    offsets.push_back({tp(p % 2 == 0 ? "a" : "b", p), Offset(p), std::string(4'000, 'm')});
  const auto done = commit(offsets);
  ASSERT_TRUE(ok(done));
  EXPECT_EQ(done->size(), 600U);
  std::set<TopicPartition> sent;
  for (const WireRequest& raw : fake_.requests(ApiKey::kOffsetCommit)) {
    EXPECT_LT(raw.body.size(), 700'000U) << "message.max.bytes of __consumer_offsets is 1 MB";
    for (const auto& topic : raw.as<OffsetCommitRequest>().topics)
      for (const auto& one : topic.partitions) {
        EXPECT_TRUE(sent.insert({topic.name, one.partition_index}).second);
        EXPECT_EQ(one.committed_offset.value(), one.partition_index.value());
      }
  }
  EXPECT_EQ(sent.size(), 600U);
  EXPECT_GE(fake_.count(ApiKey::kOffsetCommit), 4U);
}

TEST_F(OffsetCommit, IsSentOnceEvenWhenTheAnswerIsLost) {
  fake_.on(ApiKey::kOffsetCommit, [](const auto&) { return FakeReply{.close = true}; });
  EXPECT_TRUE(fails(commit({{tp("a", 0), Offset(5), ""}}), ErrorKind::kUnreachable, ""));
  EXPECT_EQ(fake_.count(ApiKey::kOffsetCommit), 1U);
}

}  // namespace
}  // namespace kferry::groupproto
