// Which rights a job needs, as ACLs and as commands.
#include "doctor/rights.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "doctor/rights_report.h"
#include "tests/support/expectations.h"
#include "tests/unit/verify/schema.h"

namespace kferry::doctor {
namespace {

using test::has;
using enum wire::AclOperation;
using wire::AclPattern;
using wire::AclResource;
using Names = std::vector<std::string>;

// "orders", "orders-*" for a prefix.
Names covered(const Names& expressions) {
  Names names;
  for (const NamePattern& one : cover(expressions))
    names.push_back(one.name + (one.pattern == AclPattern::kPrefixed ? "*" : ""));
  return names;
}

RightsScope scope() {
  RightsScope scope;
  scope.topics = cover({"orders"});
  scope.groups = cover({"billing"});
  return scope;
}

// "target topic orders WRITE", "... (useful)".
Names words_of(const std::vector<Right>& rights) {
  Names words;
  for (const Right& right : rights)
    words.push_back(fmt::format("{} {} {}{} {}{}", to_string(right.side),
                                wire::to_string(right.resource), right.name.name,
                                right.name.pattern == AclPattern::kPrefixed ? "*" : "",
                                wire::to_string(right.operation), right.needed ? "" : " (useful)"));
  return words;
}

TEST(Rights, PatternsCoverWhatExpressionsMatch) {
  EXPECT_EQ(covered({"orders"}), Names{"orders"});
  EXPECT_EQ(covered({"orders-.*"}), Names{"orders-*"});
  EXPECT_EQ(covered({"orders-[0-9]+"}), Names{"orders-*"});
  EXPECT_EQ(covered({R"(orders\.v1)"}), Names{"orders.v1"});
  EXPECT_EQ(covered({"orders?"}), Names{"order*"});
  EXPECT_EQ(covered({"orders+"}), Names{"orders*"});
  EXPECT_EQ(covered({R"(orders\d)"}), Names{"orders*"});
  EXPECT_EQ(covered({"orders|payments"}), (Names{"orders", "payments"}));
  EXPECT_EQ(covered({"(orders|payments)"}), Names{"*"});
  EXPECT_EQ(covered({".*"}), Names{"*"});
  EXPECT_EQ(covered({"orders", ".*"}), Names{"*"});
  EXPECT_EQ(covered({"orders-1", "orders-.*"}), Names{"orders-*"});
  EXPECT_EQ(covered({}), Names{});
}

TEST(Rights, OfAMigration) {
  EXPECT_EQ(words_of(rights_of({Job::kMigrate}, scope())),
            (Names{"source topic orders READ", "source group billing READ",
                   "source group kferry.receipt.billing READ (useful)",
                   "source cluster kafka-cluster DESCRIBE_CONFIGS (useful)"}));
  EXPECT_EQ(words_of(rights_of({Job::kScan}, scope())),
            (Names{"source topic orders DESCRIBE", "source group billing DESCRIBE",
                   "source group kferry.receipt.billing DESCRIBE (useful)",
                   "source cluster kafka-cluster DESCRIBE_CONFIGS (useful)"}));
}

TEST(Rights, OfSeveralJobsTheLesserOnesAreLeftOut) {
  EXPECT_EQ(rights_of({Job::kScan, Job::kMigrate}, scope()).size(),
            rights_of({Job::kMigrate}, scope()).size());
  const auto both = rights_of({Job::kReplicate, Job::kStatus}, scope());
  const auto state = std::ranges::find_if(both, [](const Right& right) {
    return right.name.name.starts_with("__kferry") && right.operation == kRead &&
           right.resource == AclResource::kTopic;
  });
  ASSERT_NE(state, both.end());
  EXPECT_EQ(state->jobs, (std::vector<Job>{Job::kReplicate, Job::kStatus}));
}

TEST(Rights, OfAMirrorFollowItsSettings) {
  RightsScope mirrored = scope();
  mirrored.flow.name = "old->new";
  mirrored.flow.topic_prefix = "old.";
  mirrored.flow.sync_acls = false;
  mirrored.flow.offsets = replicate::OffsetsMode::kTranslate;
  mirrored.flow.emit_checkpoints = mirrored.flow.emit_heartbeats = false;
  mirrored.flow.emit_offset_syncs = false;
  EXPECT_EQ(
      words_of(rights_of({Job::kReplicate}, mirrored)),
      (Names{"source topic orders READ", "source topic orders DESCRIBE_CONFIGS",
             "source group billing DESCRIBE", "target topic __kferry.old.new.state READ",
             "target topic __kferry.old.new.state WRITE",
             "target topic __kferry.old.new.state CREATE", "target topic old.orders READ",
             "target topic old.orders WRITE", "target topic old.orders CREATE",
             "target topic old.orders ALTER (useful)", "target topic old.orders ALTER_CONFIGS",
             "target group __kferry.old.new.state READ", "target group billing READ",
             "target cluster kafka-cluster DESCRIBE_CONFIGS (useful)",
             "target cluster kafka-cluster IDEMPOTENT_WRITE (useful)"}));
  mirrored.topics = cover({".*"});
  const Names all = words_of(rights_of({Job::kReplicate}, mirrored));
  EXPECT_NE(std::ranges::find(all, "target topic old.* WRITE"), all.end());
}

TEST(Rights, CommandsGroupWhatBelongsTogether) {
  RightsReport report{.jobs = {Job::kMigrate},
                      .principal = "User:o'brien",
                      .source = "old1:9092",
                      .target = "",
                      .rights = {}};
  RightsScope wide = scope();
  wide.topics = cover({"orders", "payments", "logs-.*"});
  report.rights = rights_of(report.jobs, wide);
  const std::string add =
      "kafka-acls.sh --bootstrap-server old1:9092 --command-config admin.properties --add "
      "--allow-principal 'User:o'\\''brien' --operation ";
  EXPECT_EQ(to_commands(report),
            "# source: needed\n" + add + "Read --topic 'orders' --topic 'payments'\n" + add +
                "Read --topic 'logs-' --resource-pattern-type prefixed\n" + add +
                "Read --group 'billing'\n"
                "# source: useful, see the table for what happens without\n" +
                add + "Read --group 'kferry.receipt.billing'\n" + add +
                "DescribeConfigs --cluster\n");
  EXPECT_TRUE(has(to_table(report), "to hold the group and to commit"));
  EXPECT_EQ(testing::schema_trouble("acls.schema.json", nlohmann::json::parse(to_json(report))),
            "");
}

TEST(Rights, EveryJobHasSomeAndAName) {
  for (const Job job : all_jobs()) {
    EXPECT_EQ(parse_job(to_string(job)), job);
    const auto rights = rights_of({job}, scope());
    EXPECT_TRUE(std::ranges::any_of(rights, &Right::needed)) << to_string(job);
    for (const Right& right : rights) EXPECT_FALSE(right.why.empty() || right.without.empty());
  }
  EXPECT_EQ(parse_job("dance"), std::nullopt);
}

}  // namespace
}  // namespace kferry::doctor
