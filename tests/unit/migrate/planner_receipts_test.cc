// What kferry did earlier, and what has happened since.
#include <gtest/gtest.h>

#include "planner_fixture.h"

namespace kferry::migrate {
namespace {

using kferry::testing::contains;
using kferry::testing::expect;
using kferry::testing::Expected;
using kferry::testing::on_conflict;
using kferry::testing::OnePartition;
using enum Verdict;
using enum Action;

TEST(PlannerReceipts, MigratedEarlier) {
  struct Case {
    std::string what;
    int64_t zookeeper;
    int64_t kafka;
    int64_t receipt;
    int64_t receipt_mzxid;  // the znode's is 100
    ConflictPolicy policy;
    Expected expected;
    std::string detail_part;
  };
  using enum ConflictPolicy;
  const Case cases[] = {
      {"moved on", 50, 80, 50, 100, ConflictPolicy::kFail, {kKafkaAhead, kKeep}, "moved on"},
      {"moved on", 50, 80, 50, 100, kZookeeper, {kKafkaAhead, kKeep}, "moved on"},
      {"moved on", 50, 80, 50, 100, kMin, {kKafkaAhead, kKeep}, "moved on"},
      {"nothing since", 50, 50, 50, 100, ConflictPolicy::kFail, {kEqual, kKeep}, ""},
      {"clamped to the start",
       5,
       10,
       10,
       100,
       ConflictPolicy::kFail,
       {kKafkaAhead, kKeep},
       "migrated earlier"},
      {"clamped to the end, moved on",
       120,
       90,
       80,
       100,
       ConflictPolicy::kFail,
       {kAdvance, kKeep},
       "moved on"},
      {"another convention then",
       50,
       51,
       51,
       100,
       ConflictPolicy::kFail,
       {kKafkaAhead, kRefuse},
       "another convention"},
      {"another convention then",
       50,
       51,
       51,
       100,
       kZookeeper,
       {kKafkaAhead, kCommit, 50},
       "rewinds Kafka by 1"},
      {"another convention then",
       51,
       50,
       50,
       100,
       ConflictPolicy::kFail,
       {kAdvance, kCommit, 51},
       ""},
      {"ZooKeeper moved", 50, 30, 30, 99, ConflictPolicy::kFail, {kAdvance, kCommit, 50}, ""},
      {"both moved", 50, 80, 30, 99, ConflictPolicy::kFail, {kKafkaAhead, kRefuse}, "both sides"},
      {"both moved", 50, 80, 30, 99, kZookeeper, {kKafkaAhead, kCommit, 50}, "rewinds Kafka by 30"},
      {"both moved", 50, 80, 30, 99, kMax, {kKafkaAhead, kKeep}, "both sides"},
      {"both moved", 50, 40, 30, 99, ConflictPolicy::kFail, {kAdvance, kRefuse}, "both sides"},
      {"both moved", 50, 40, 30, 99, kZookeeper, {kAdvance, kCommit, 50}, "both sides"},
      {"both moved", 50, 40, 30, 99, kMin, {kAdvance, kKeep}, "both sides"},
      {"ZooKeeper set back",
       20,
       30,
       30,
       99,
       ConflictPolicy::kFail,
       {kKafkaAhead, kRefuse},
       "set back in ZooKeeper"},
      {"Kafka rewound",
       50,
       20,
       50,
       100,
       ConflictPolicy::kFail,
       {kAdvance, kRefuse},
       "rewound in Kafka"},
      {"Kafka rewound", 50, 20, 50, 100, kZookeeper, {kAdvance, kCommit, 50}, "rewound"},
      {"Kafka rewound", 50, 20, 50, 100, kKafka, {kAdvance, kKeep}, "rewound"},
      {"Kafka rewound", 50, 20, 50, 100, kMin, {kAdvance, kKeep}, "rewound"},
      {"Kafka rewound", 50, 20, 50, 100, kMax, {kAdvance, kCommit, 50}, "rewound"},
  };
  for (const Case& example : cases) {
    OnePartition facts(example.zookeeper);
    facts.kafka_has(example.kafka).migrated_earlier(example.receipt, example.receipt_mzxid);
    const PlannedPartition planned = facts.first(on_conflict(example.policy));
    const std::string what = fmt::format("{} {}: ", example.what, to_string(example.policy));
    expect(planned, example.expected, what);
    EXPECT_TRUE(contains(planned.detail, example.detail_part)) << what << planned.detail;
  }
  OnePartition expired(50);
  expect(expired.migrated_earlier(50).first(), {kCreate, kCommit, 50}, "expired: ");
  EXPECT_TRUE(contains(expired.first().detail, "dropped"));
}

}  // namespace
}  // namespace kferry::migrate
