// Rounds of the group sync without a network: what is committed when, what is remembered, and what
// the status says.
#include "replicate/group_book.h"

#include <gtest/gtest.h>

#include "tests/support/expectations.h"
#include "tests/support/fake_translator.h"
#include "wire/error_code.h"

namespace kferry::replicate {
namespace {

using groupproto::CommittedOffset;
using groupproto::CommitResults;
using groupproto::GroupOffsets;
using test::has;
using test::ok;

const GroupId kGroup{"g"};

TopicPartition tp(int32_t partition, const char* topic = "t") {
  return {TopicName(topic), Partition(partition)};
}
GroupOffsets at(std::initializer_list<std::pair<TopicPartition, int64_t>> offsets) {
  GroupOffsets all;
  for (const auto& [partition, offset] : offsets) all[partition] = {Offset(offset), "m"};
  return all;
}

// A source, a target and the book between them, for one group.
class Book : public testing::Test {
 protected:
  Book() {
    for (int32_t p = 0; p < 3; ++p) translator_.set(tp(p), 1'000);
    restart();
  }

  // Another process, which finds what was made durable.
  void restart() {
    GroupRules rules;
    rules.is_mirrored = [](const TopicName& topic) { return topic == TopicName("t"); };
    rules.mirroring = [this](const TopicPartition& source) {
      const auto found = mirroring_.find(source);
      return found == mirroring_.end() ? Mirroring::kHere : found->second;
    };
    rules.commit = commit_;
    rules.collect_checkpoints = true;
    book_.emplace(translator_, rules);
    for (const auto& [key, value] : durable_) ASSERT_TRUE(ok(book_->learn(key, value, false)));
  }

  void take_memories() {
    for (const auto& entry : book_->take_memories(now_)) {
      if (entry.value)
        durable_[entry.key] = *entry.value;
      else
        durable_.erase(entry.key);
    }
  }

  TargetGroup target() const {
    if (unstable_)
      return {state_, std::unexpected(wire::kafka_error(wire::kUnstableOffsetCommit, "reading"))};
    return {state_, target_};
  }

  // Reads the source, and begins to act on it: what is to be committed now.
  GroupOffsets begin(bool all = false) {
    now_ += 10;
    book_->set_refusals(refusals_);
    book_->take_source({{kGroup, source_}}, now_);
    const auto groups = book_->due(now_, all);
    for (const GroupId& group : groups) book_->take_target(group, target(), now_);
    const auto commits = book_->plan(groups, now_);
    take_memories();
    GroupOffsets planned;
    for (const auto& commit : commits)
      for (const auto& one : commit.offsets) planned[one.partition] = {one.offset, one.metadata};
    return planned;
  }
  void finish(const Result<CommitResults>& result) {
    now_ += 10;
    book_->take_result(kGroup, result, now_);
    book_->take_target(kGroup, {std::nullopt, target().offsets}, now_);
    take_memories();
  }
  // A whole round; what was committed.
  GroupOffsets round(bool all = false) {
    const GroupOffsets planned = begin(all);
    if (planned.empty()) return planned;
    CommitResults results;
    for (const auto& [partition, committed] : planned) {
      results[partition] = refuse_code_;
      if (refuse_code_ == wire::kNone) target_[partition] = committed;
    }
    finish(results);
    return planned;
  }
  GroupStatus status() const { return book_->status().at(0); }
  std::string state() const { return status().state; }

  test::FakeTranslator translator_;
  std::map<std::string, std::string> durable_;
  std::map<TopicPartition, Mirroring> mirroring_;
  GroupRefusals refusals_;
  bool commit_ = true;
  std::optional<GroupBook> book_;
  Result<GroupOffsets> source_ = GroupOffsets{};
  GroupOffsets target_;
  std::string state_ = "Empty";
  bool unstable_ = false;
  int16_t refuse_code_ = wire::kNone;
  int64_t now_ = 1'000;
};

TEST_F(Book, ANewGroupIsBroughtOverAndThenOnlyWhatChanges) {
  source_ = at({{tp(0), 10}, {tp(1), 20}, {tp(0, "other"), 5}});
  EXPECT_FALSE(book_->caught_up());
  EXPECT_EQ(round(), at({{tp(0), 10}, {tp(1), 20}}));
  EXPECT_EQ(state(), "synced");
  EXPECT_EQ(status().partitions, 2);
  EXPECT_EQ(status().synced, 2);
  EXPECT_EQ(status().latency_ms, 10);
  EXPECT_TRUE(has(status().reason, "1 partitions of topics that are not mirrored"));
  EXPECT_TRUE(book_->caught_up());
  const size_t asked = translator_.asked();
  EXPECT_EQ(round(), GroupOffsets{});
  EXPECT_EQ(translator_.asked(), asked) << "what stands is not translated again and again";
  source_ = at({{tp(0), 10}, {tp(1), 21}});
  EXPECT_EQ(round(), at({{tp(1), 21}}));
}

TEST_F(Book, ClampedToWhatHasBeenCopiedAndSyncedAgainWhenMoreIs) {
  translator_.set(tp(0), 7);
  source_ = at({{tp(0), 10}});
  EXPECT_EQ(round(), at({{tp(0), 7}}));
  EXPECT_EQ(state(), "waiting for records");
  EXPECT_FALSE(book_->caught_up());
  translator_.set(tp(0), 9);
  EXPECT_EQ(round(), at({{tp(0), 9}}));
  translator_.set(tp(0), 30);
  EXPECT_EQ(round(), at({{tp(0), 10}}));
  EXPECT_EQ(state(), "synced");
  EXPECT_EQ(status().latency_ms, 50) << "from seeing it to the target having it exactly";
  EXPECT_TRUE(book_->caught_up());
}

TEST_F(Book, AnUntranslatedPartitionWaitsWithoutHoldingUpTheOthers) {
  translator_.remove(tp(1));
  source_ = at({{tp(0), 10}, {tp(1), 20}});
  EXPECT_EQ(round(), at({{tp(0), 10}}));
  EXPECT_EQ(state(), "not mirrored yet");
  EXPECT_FALSE(book_->caught_up());
  EXPECT_EQ(book_->untold(), std::set{tp(1)});
  book_->set_gone({tp(1)});
  EXPECT_TRUE(book_->caught_up()) << "a topic that no longer exists";
  translator_.set(tp(1), {tp(1, "x.t"), 100, 1'000, 0});
  EXPECT_EQ(round(), at({{tp(1, "x.t"), 1'020}}));
}

TEST_F(Book, RewindsAreFollowedAlsoAfterARestart) {
  source_ = at({{tp(0), 500}});
  round();
  source_ = at({{tp(0), 3}});
  EXPECT_EQ(round(), at({{tp(0), 3}}));
  restart();
  EXPECT_EQ(round(true), GroupOffsets{});
  source_ = at({{tp(0), 1}});
  EXPECT_EQ(round(), at({{tp(0), 1}}));
  restart();
  source_ = at({{tp(0), 0}});
  EXPECT_EQ(round(true), at({{tp(0), 0}})) << "a rewind while we were away";
}

TEST_F(Book, WithoutMemoryWhatIsAheadOnTheTargetIsLeftAlone) {
  source_ = at({{tp(0), 100}, {tp(1), 100}, {tp(2), 100}});
  target_ = at({{tp(0), 99}, {tp(1), 100}, {tp(2), 101}});
  EXPECT_EQ(round(), at({{tp(0), 100}}));
  EXPECT_EQ(state(), "own offsets on the target");
  EXPECT_EQ(status().synced, 2);
  EXPECT_TRUE(book_->caught_up());
  restart();
  source_ = at({{tp(0), 1}, {tp(1), 1}, {tp(2), 1}});
  EXPECT_EQ(round(true), at({{tp(0), 1}, {tp(1), 1}})) << "what was equal has become ours";
}

TEST_F(Book, ALiveGroupIsNeverTouched) {
  state_ = "Stable";
  source_ = at({{tp(0), 10}});
  EXPECT_EQ(round(), GroupOffsets{});
  EXPECT_EQ(state(), "live on the target");
  EXPECT_TRUE(has(status().reason, "Stable"));
  EXPECT_TRUE(book_->caught_up()) << "refused, with a reason";
  source_ = at({{tp(0), 11}});
  EXPECT_EQ(round(true), GroupOffsets{});
}

TEST_F(Book, OwnProgressOnTheTargetIsKeptEvenAfterTheMembersHaveLeft) {
  source_ = at({{tp(0), 10}, {tp(1), 10}});
  round();
  state_ = "Stable";
  target_[tp(0)] = {Offset(12), ""};
  round(true);
  EXPECT_EQ(state(), "live on the target");
  state_ = "Empty";
  source_ = at({{tp(0), 20}, {tp(1), 20}});
  EXPECT_EQ(round(true), at({{tp(1), 20}})) << "partition 0 is its own, partition 1 still ours";
  EXPECT_EQ(state(), "own offsets on the target");
  restart();
  source_ = at({{tp(0), 30}, {tp(1), 5}});
  EXPECT_EQ(round(true), at({{tp(1), 5}})) << "that is remembered";
}

TEST_F(Book, AGroupThatLivedThereBeforeIsNotAdvanced) {
  source_ = at({{tp(0), 100}});
  target_ = at({{tp(0), 40}});
  state_ = "Stable";
  round();
  restart();
  state_ = "Empty";
  EXPECT_EQ(round(true), GroupOffsets{}) << "it would skip records that it has not processed there";
  target_.clear();
  EXPECT_EQ(round(true), at({{tp(0), 100}})) << "deleting its offsets hands it back to us";
}

TEST_F(Book, AReplyThatWasLostIsResolvedByReadingBack) {
  source_ = at({{tp(0), 10}});
  round();
  const auto lost = fail(ErrorKind::kUnreachable, "the connection was cut");
  source_ = at({{tp(0), 20}});
  target_ = begin();
  EXPECT_EQ(target_, at({{tp(0), 20}}));
  finish(lost);
  EXPECT_EQ(state(), "synced");
  source_ = at({{tp(0), 30}});
  EXPECT_EQ(begin(), at({{tp(0), 30}}));
  finish(lost);
  EXPECT_EQ(state(), "failed");
  EXPECT_TRUE(has(status().reason, "the connection was cut"));
  EXPECT_FALSE(book_->caught_up());
  EXPECT_EQ(round(), at({{tp(0), 30}})) << "it had not arrived: once more";
  EXPECT_EQ(state(), "synced");
}

TEST_F(Book, ACommitThatArrivesLateIsStillOurs) {
  source_ = at({{tp(0), 10}});
  round();
  source_ = at({{tp(0), 20}});
  begin();
  finish(fail(ErrorKind::kUnreachable, "timed out"));
  target_ = at({{tp(0), 20}});
  source_ = at({{tp(0), 2}});
  EXPECT_EQ(round(), at({{tp(0), 2}}));
}

TEST_F(Book, KilledBetweenMemoryAndCommitOrBetweenCommitAndReply) {
  source_ = at({{tp(0), 10}});
  round();
  for (const bool arrived : {false, true}) {
    source_ = at({{tp(0), 400}});
    const auto planned = begin();
    EXPECT_EQ(planned, at({{tp(0), 400}}));
    if (arrived) target_ = planned;
    restart();
    source_ = at({{tp(0), arrived ? 5 : 401}});
    EXPECT_EQ(round(true), *source_) << arrived;
  }
}

TEST_F(Book, WhatIsNotDurableIsNotForgotten) {
  source_ = at({{tp(0), 10}});
  book_->take_source({{kGroup, source_}}, now_);
  for (const GroupId& group : book_->due(now_, true)) book_->take_target(group, target(), now_);
  book_->plan({kGroup}, now_);
  const auto entries = book_->take_memories(now_);
  EXPECT_EQ(entries.size(), 1U);
  EXPECT_TRUE(book_->take_memories(now_).empty());
  book_->put_back_memories(entries);
  EXPECT_EQ(book_->take_memories(now_).size(), 1U);
}

TEST_F(Book, SomebodyWhoJoinsMeanwhileStopsTheGroup) {
  for (const int16_t code : {wire::kUnknownMemberId, wire::kRebalanceInProgress,
                             wire::kIllegalGeneration}) {
    restart();
    source_ = at({{tp(0), now_}});
    translator_.set(tp(0), 1'000'000);
    refuse_code_ = code;
    EXPECT_FALSE(round().empty());
    EXPECT_EQ(state(), "live on the target");
    EXPECT_TRUE(book_->caught_up());
    EXPECT_EQ(round(), GroupOffsets{}) << "until it is looked at again";
    durable_.clear();
  }
}

TEST_F(Book, ARefusalIsShownAndTriedAgainLater) {
  source_ = at({{tp(0), 10}});
  refuse_code_ = wire::kTopicAuthorizationFailed;
  round();
  EXPECT_EQ(state(), "failed");
  EXPECT_TRUE(has(status().reason, "t-0"));
  EXPECT_TRUE(has(status().reason, "TOPIC_AUTHORIZATION_FAILED"));
  EXPECT_TRUE(book_->caught_up()) << "refused, with a reason";
  EXPECT_EQ(round(), GroupOffsets{});
  refuse_code_ = wire::kNone;
  now_ += 5'000;
  EXPECT_EQ(round(), at({{tp(0), 10}}));
  EXPECT_EQ(state(), "synced");
}

TEST_F(Book, ACoordinatorThatMovesIsAskedAgainAtOnce) {
  source_ = at({{tp(0), 10}});
  refuse_code_ = wire::kNotCoordinator;
  round();
  EXPECT_FALSE(book_->caught_up());
  refuse_code_ = wire::kNone;
  EXPECT_EQ(round(), at({{tp(0), 10}}));
}

TEST_F(Book, AnOpenTransactionOnTheTargetMeansThatSomebodyIsThere) {
  source_ = at({{tp(0), 10}});
  unstable_ = true;
  EXPECT_EQ(round(), GroupOffsets{});
  EXPECT_EQ(state(), "live on the target");
}

TEST_F(Book, AnOffsetThatVanishedOnTheTargetIsWrittenAgain) {
  source_ = at({{tp(0), 10}});
  round();
  target_.clear();
  EXPECT_EQ(round(true), at({{tp(0), 10}}));
  source_ = at({{tp(0), 4}});
  EXPECT_EQ(round(), at({{tp(0), 4}}));
}

TEST_F(Book, AGroupThatIsGoneOnBothSidesIsForgotten) {
  source_ = at({{tp(0), 10}});
  round();
  EXPECT_EQ(durable_.size(), 1U);
  book_->take_source({}, now_);
  EXPECT_EQ(book_->due(now_, true), std::vector{kGroup}) << "it is remembered";
  book_->take_target(kGroup, target(), now_);
  take_memories();
  EXPECT_EQ(durable_.size(), 1U) << "as long as the target has its offsets";
  book_->take_target(kGroup, {"Dead", GroupOffsets{}}, now_);
  take_memories();
  EXPECT_TRUE(durable_.empty());
  EXPECT_TRUE(book_->due(now_, true).empty());
  EXPECT_TRUE(book_->caught_up());
}

TEST_F(Book, AGroupThatCannotBeReadIsNotCaughtUpUnlessItIsDenied) {
  source_ = fail(ErrorKind::kUnreachable, "its coordinator is away");
  round();
  EXPECT_EQ(state(), "unreadable on the source");
  EXPECT_FALSE(book_->caught_up());
  source_ = fail(ErrorKind::kNotAuthorised, "DESCRIBE is missing");
  round();
  EXPECT_TRUE(book_->caught_up());
}

TEST_F(Book, AGuardedGroupIsNeitherReadOverNorCheckpointedUntilItIsReleased) {
  refusals_ = {{kGroup, "run kferry migrate first"}, {GroupId("only in ZooKeeper"), "the same"}};
  source_ = at({{tp(0), 10}});
  EXPECT_EQ(round(true), GroupOffsets{});
  EXPECT_EQ(state(), "refused");
  EXPECT_EQ(status().reason, "run kferry migrate first");
  EXPECT_EQ(book_->status().at(1).group, GroupId("only in ZooKeeper"));
  EXPECT_EQ(book_->status().at(1).state, "refused");
  EXPECT_TRUE(book_->caught_up());
  EXPECT_TRUE(book_->take_checkpoints().empty());
  refusals_.clear();
  EXPECT_EQ(round(), at({{tp(0), 10}}));
  EXPECT_EQ(book_->take_checkpoints().size(), 1U);
}

TEST_F(Book, CheckpointsAloneAreEnoughWhereNothingIsToBeCommitted) {
  commit_ = false;
  restart();
  translator_.set(tp(0), 7);
  source_ = at({{tp(0), 10}});
  EXPECT_EQ(round(true), GroupOffsets{});
  EXPECT_EQ(state(), "checkpoints only");
  EXPECT_FALSE(book_->caught_up());
  translator_.set(tp(0), 70);
  EXPECT_EQ(round(), GroupOffsets{});
  EXPECT_TRUE(book_->caught_up());
  EXPECT_EQ(book_->take_checkpoints().size(), 2U);
}

TEST_F(Book, PartitionsOfOtherProcessesAreTheirs) {
  mirroring_[tp(1)] = Mirroring::kElsewhere;
  source_ = at({{tp(0), 10}, {tp(1), 10}});
  EXPECT_EQ(round(), at({{tp(0), 10}}));
  EXPECT_EQ(status().partitions, 1);
  EXPECT_TRUE(book_->caught_up());
  // The other process has committed, told us so, and is gone.
  target_[tp(1)] = {Offset(300), "m"};
  ASSERT_TRUE(ok(book_->learn(own_commits_key(kGroup, tp(1)), R"({"committed":[300]})", true)));
  ASSERT_TRUE(ok(book_->learn(own_commits_key(kGroup, tp(0)), R"({"committed":[1]})", true)))
      << "an echo of what we know better";
  mirroring_.clear();
  source_ = at({{tp(0), 9}, {tp(1), 9}});
  EXPECT_EQ(round(true), *source_);
}

TEST_F(Book, AQuarantinedPartitionIsNotWaitedFor) {
  translator_.set(tp(0), 7);
  source_ = at({{tp(0), 10}});
  round();
  EXPECT_FALSE(book_->caught_up());
  mirroring_[tp(0)] = Mirroring::kStuck;
  EXPECT_TRUE(book_->caught_up());
  EXPECT_EQ(state(), "waiting for records");
}

TEST_F(Book, AnOffsetBeforeTheFirstMirroredRecordIsLeftToTheConsumersReset) {
  translator_.set(tp(0), {tp(0), 100, 5, 50});
  source_ = at({{tp(0), 10}});
  EXPECT_EQ(round(), GroupOffsets{});
  EXPECT_TRUE(has(status().reason, "before the first record that was mirrored"));
  EXPECT_TRUE(book_->caught_up());
  EXPECT_TRUE(book_->untold().empty());
}

TEST_F(Book, CheckpointsTellOfEveryChangeOnBothSides) {
  translator_.set(tp(0), {tp(0, "s.t"), 7, 1'000, 0});
  source_ = at({{tp(0), 10}});
  state_ = "Stable";
  round();
  const GroupCheckpoint clamped{kGroup, tp(0, "s.t"), SourceOffset(10), TargetOffset(1'007), "m"};
  EXPECT_EQ(book_->take_checkpoints(), std::vector{clamped}) << "also of a live group, as MM2 does";
  round(true);
  EXPECT_TRUE(book_->take_checkpoints().empty());
  translator_.set(tp(0), {tp(0, "s.t"), 70, 1'000, 0});
  round();
  const GroupCheckpoint exact{kGroup, tp(0, "s.t"), SourceOffset(10), TargetOffset(1'010), "m"};
  EXPECT_EQ(book_->take_checkpoints(), std::vector{exact});
}

}  // namespace
}  // namespace kferry::replicate
