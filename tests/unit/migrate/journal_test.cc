#include "migrate/journal.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "migrate/receipt.h"

namespace kferry::migrate {
namespace {

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() : folder_(::testing::TempDir() + "kferry-journal-" + std::to_string(getpid())) {}
  ~JournalTest() override { std::filesystem::remove_all(folder_); }

  static GroupDone done(const std::string& group) {
    GroupDone done{GroupId(group), 1234, "fine", {}};
    done.partitions.push_back(
        {{TopicName("orders"), Partition(3)}, verify::Outcome::kMigrated, Offset(7), "x"});
    return done;
  }

  const std::string folder_;
  Plan plan_;
};

TEST_F(JournalTest, WhatWasAppendedIsReadBack) {
  {
    auto journal = Journal::create(folder_, plan_);
    ASSERT_TRUE(journal) << journal.error().message;
    ASSERT_TRUE(journal->append_intent(GroupId("a")));
    ASSERT_TRUE(journal->append_done(done("a")));
    ASSERT_TRUE(journal->append_intent(GroupId("b")));
  }
  const auto state = read_latest_run(folder_);
  ASSERT_TRUE(state) << state.error().message;
  ASSERT_TRUE(state->has_value());
  EXPECT_EQ((*state)->plan_id, plan_.id);
  EXPECT_EQ((*state)->intended, (std::set<GroupId>{GroupId("a"), GroupId("b")}));
  ASSERT_EQ((*state)->done.size(), 1U);
  const GroupDone& read = (*state)->done.at(GroupId("a"));
  EXPECT_EQ(read.expires_at_ms, 1234);
  EXPECT_EQ(read.detail, "fine");
  ASSERT_EQ(read.partitions.size(), 1U);
  EXPECT_EQ(read.partitions[0].outcome, verify::Outcome::kMigrated);
  EXPECT_EQ(read.partitions[0].kafka_offset, Offset(7));
  EXPECT_FALSE((*state)->finished);
  EXPECT_TRUE(read_plan_of(**state));
}

TEST_F(JournalTest, ATornLastLineNeverCounted) {
  {
    auto journal = Journal::create(folder_, plan_);
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->append_intent(GroupId("a")));
    std::ofstream(journal->run_folder() + "/journal.jsonl", std::ios::app) << R"({"record":"do)";
  }
  auto state = read_latest_run(folder_);
  ASSERT_TRUE(state && state->has_value());
  EXPECT_TRUE((*state)->torn);
  {
    auto again = Journal::reopen(**state);
    ASSERT_TRUE(again);
    ASSERT_TRUE(again->append_finish(0));
  }
  state = read_latest_run(folder_);
  ASSERT_TRUE(state && state->has_value()) << state.error().message;
  EXPECT_TRUE((*state)->finished);
  EXPECT_FALSE((*state)->torn);
}

TEST_F(JournalTest, AForeignLineIsNamed) {
  {
    auto journal = Journal::create(folder_, plan_);
    ASSERT_TRUE(journal);
    std::ofstream(journal->run_folder() + "/journal.jsonl", std::ios::app) << "nonsense\n";
  }
  const auto state = read_latest_run(folder_);
  ASSERT_FALSE(state);
  EXPECT_NE(state.error().message.find("line 2"), std::string::npos);
}

TEST_F(JournalTest, ManyThreadsAppendWholeLines) {
  constexpr int kThreads = 8;
  constexpr int kEach = 20;
  {
    auto journal = Journal::create(folder_, plan_);
    ASSERT_TRUE(journal);
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i)
          EXPECT_TRUE(journal->append_intent(GroupId(fmt::format("g{}-{}", t, i))));
      });
  }
  const auto state = read_latest_run(folder_);
  ASSERT_TRUE(state && state->has_value());
  EXPECT_EQ((*state)->intended.size(), size_t{kThreads * kEach});
}

TEST(Receipt, OnlyAValidOneCounts) {
  const TopicPartition tp{TopicName("orders"), Partition(0)};
  const Receipt receipt{Offset(42), 77};
  const auto written = make_receipt(tp, receipt);
  const auto read = parse_receipt({written.offset, written.metadata});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->offset, Offset(42));
  EXPECT_EQ(read->mzxid, 77);
  const auto withdrawn = make_withdrawal(tp, receipt);
  EXPECT_FALSE(parse_receipt({withdrawn.offset, withdrawn.metadata}));
  EXPECT_FALSE(parse_receipt({Offset(42), "somebody else's"}));
  EXPECT_FALSE(parse_receipt({Offset(42), written.metadata + "x"}));
}

}  // namespace
}  // namespace kferry::migrate
