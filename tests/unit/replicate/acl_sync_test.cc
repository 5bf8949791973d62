#include "replicate/acl_sync.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kferry::replicate {
namespace {

using wire::Acl;
using wire::AclOperation;
using wire::AclPattern;
using wire::AclPermission;
using wire::AclResource;
using enum wire::AclOperation;
using enum wire::AclResource;

constexpr auto kDeny = AclPermission::kDeny;
constexpr auto kPrefixed = AclPattern::kPrefixed;

Acl acl(AclResource resource, const std::string& name, AclOperation operation,
        const std::string& user = "alice", AclPattern pattern = AclPattern::kLiteral,
        AclPermission permission = AclPermission::kAllow) {
  return {.resource = resource,
          .pattern = pattern,
          .name = name,
          .principal = "User:" + user,
          .host = "*",
          .operation = operation,
          .permission = permission};
}

FlowSettings flow(const std::string& prefix = "") {
  FlowSettings settings;
  settings.source.alias = "old";
  settings.target.alias = "new";
  settings.topics.include.emplace_back("orders.*|payments");
  settings.groups.include.emplace_back("team-.*");
  settings.topic_prefix = prefix;
  return settings;
}

AclNames names() {
  return {.source_topics = {TopicName("orders"), TopicName("orders-eu"), TopicName("payments"),
                            TopicName("secret")},
          .target_topics = {TopicName("orders"), TopicName("__consumer_offsets")},
          .source_groups = {GroupId("team-a"), GroupId("other")},
          .target_groups = {}};
}

struct Texts {
  std::vector<std::string> missing;
  std::vector<std::string> left_out;
};
Texts texts(const std::set<Acl>& source, const std::set<Acl>& target = {},
            const AclNames& there = names(), const FlowSettings& settings = flow()) {
  Texts found;
  const AclPlan plan = compare_acls(settings, source, target, there);
  for (const Acl& one : plan.missing) found.missing.push_back(to_string(one));
  for (const LeftOutAcl& one : plan.left_out) found.left_out.push_back(to_text(one));
  return found;
}
using Lines = std::vector<std::string>;

TEST(AclSync, WhatIsThereIsNotCreatedAgain) {
  const std::set<Acl> source{acl(kTopic, "orders", kRead), acl(kGroup, "team-a", kRead)};
  EXPECT_EQ(texts(source).missing, (Lines{"ALLOW READ on topic orders to User:alice",
                                          "ALLOW READ on group team-a to User:alice"}));
  EXPECT_EQ(texts(source, source).missing, Lines{});
  EXPECT_EQ(texts(source, {acl(kTopic, "orders", kRead)}).missing,
            Lines{"ALLOW READ on group team-a to User:alice"});
  EXPECT_EQ(texts({}, source).missing, Lines{});  // nothing is deleted either
}

TEST(AclSync, OnlyOfWhatIsMirrored) {
  const Texts found = texts({acl(kTopic, "secret", kRead), acl(kGroup, "other", kRead),
                             acl(kTopic, "__consumer_offsets", kRead),
                             acl(kTopic, "sec", kRead, "alice", kPrefixed)});
  EXPECT_EQ(found.missing, Lines{});
  EXPECT_EQ(found.left_out.size(), 4U);
  EXPECT_EQ(found.left_out[0],
            "acl: not copied: ALLOW READ on topic __consumer_offsets to User:alice: the topic is "
            "not mirrored");
}

TEST(AclSync, TopicsAreRenamedInEveryKindOfPattern) {
  AclNames there = names();
  there.target_topics = {TopicName("old.orders"), TopicName("own")};
  const Texts found = texts({acl(kTopic, "orders", kWrite), acl(kTopic, "*", kDescribe),
                             acl(kTopic, "ord", kRead, "alice", kPrefixed),
                             acl(kGroup, "*", kRead)},
                            {}, there, flow("old."));
  EXPECT_EQ(found.missing, (Lines{"ALLOW WRITE on topic old.orders to User:alice",
                                  "ALLOW DESCRIBE on topic old. (prefixed) to User:alice",
                                  "ALLOW READ on topic old.ord (prefixed) to User:alice",
                                  "ALLOW READ on group * to User:alice"}));
}

TEST(AclSync, APatternNeverReachesWhatIsTheTargetsOwn) {
  AclNames there = names();
  there.target_topics.insert(TopicName("orders-of-the-target"));
  there.target_groups.insert(GroupId("team-of-the-target"));
  const Texts found = texts({acl(kTopic, "orders", kRead, "alice", kPrefixed),
                             acl(kTopic, "pay", kRead, "alice", kPrefixed),
                             acl(kGroup, "team-", kRead, "alice", kPrefixed)},
                            {}, there);
  EXPECT_EQ(found.missing, (Lines{"ALLOW READ on topic orders to User:alice",
                                  "ALLOW READ on topic orders-eu to User:alice",
                                  "ALLOW READ on topic pay (prefixed) to User:alice",
                                  "ALLOW READ on group team-a to User:alice"}));
  EXPECT_EQ(found.left_out,
            (Lines{"acl: not copied: ALLOW READ on topic orders (prefixed) to User:alice: it would "
                   "cover topic orders-of-the-target of the target, too: 2 mirrored topics have "
                   "it instead, by name",
                   "acl: not copied: ALLOW READ on group team- (prefixed) to User:alice: it would "
                   "cover group team-of-the-target of the target, too: 1 mirrored group has it "
                   "instead, by name"}));
}

TEST(AclSync, DenialsComeFirstAndAreNotForgotten) {
  const Texts found =
      texts({acl(kTopic, "orders", kRead, "alice", kPrefixed),
             acl(kTopic, "orders-secret", kRead, "alice", AclPattern::kLiteral, kDeny),
             acl(kTopic, "secret", kRead, "bob", AclPattern::kLiteral, kDeny)});
  EXPECT_EQ(found.missing, (Lines{"DENY READ on topic orders-secret to User:alice",
                                  "DENY READ on topic secret to User:bob",
                                  "ALLOW READ on topic orders (prefixed) to User:alice"}));
}

TEST(AclSync, WhereADenialIsReplacedSoIsWhatItNarrows) {
  AclNames there = names();
  there.target_topics.insert(TopicName("own"));
  const Texts found = texts({acl(kTopic, "orders", kRead, "alice", kPrefixed),
                             acl(kTopic, "orders", kRead, "bob", kPrefixed),
                             acl(kTopic, "*", kAll, "alice", AclPattern::kLiteral, kDeny)},
                            {}, there);
  EXPECT_EQ(found.missing, (Lines{"DENY ALL on topic orders to User:alice",
                                  "DENY ALL on topic orders-eu to User:alice",
                                  "DENY ALL on topic payments to User:alice",
                                  "ALLOW READ on topic orders to User:alice",
                                  "ALLOW READ on topic orders-eu to User:alice",
                                  "ALLOW READ on topic orders (prefixed) to User:bob"}));
}

TEST(AclSync, OfTheClusterOnlyWhatProducersNeed) {
  const std::string cluster = "kafka-cluster";
  const Texts found = texts(
      {acl(kTopic, "orders", kWrite), acl(kCluster, cluster, kIdempotentWrite),
       acl(kCluster, cluster, kIdempotentWrite, "stranger"), acl(kCluster, cluster, kClusterAction),
       acl(kCluster, cluster, kAlter), acl(kCluster, cluster, kAll),
       acl(kCluster, cluster, kAll, "mallory", AclPattern::kLiteral, kDeny),
       acl(kTransactionalId, "tx-", kWrite, "alice", kPrefixed),
       acl(kTransactionalId, "tx", kWrite, "stranger"), acl(kUser, "x", kDescribeTokens)});
  EXPECT_EQ(found.missing,
            (Lines{"DENY IDEMPOTENT_WRITE on cluster kafka-cluster to User:mallory",
                   "ALLOW WRITE on topic orders to User:alice",
                   "ALLOW IDEMPOTENT_WRITE on cluster kafka-cluster to User:alice",
                   "ALLOW WRITE on transactional-id tx- (prefixed) to User:alice"}));
  EXPECT_EQ(found.left_out.size(), 6U);
}

TEST(AclSync, AnOldTargetGetsNamesInsteadOfPrefixes) {
  AclNames there = names();
  there.target_has_prefixed = false;
  const std::set<Acl> source{
      acl(kTopic, "orders", kRead, "alice", kPrefixed),
      acl(kTransactionalId, "tx-", kWrite, "alice", kPrefixed, kDeny),
      acl(kTransactionalId, "*", kWrite, "alice")};
  const Texts found = texts(source, {}, there);
  EXPECT_EQ(found.missing, (Lines{"ALLOW READ on topic orders to User:alice",
                                  "ALLOW READ on topic orders-eu to User:alice"}));
  EXPECT_EQ(found.left_out.size(), 3U);  // what the denial would have narrowed is not allowed
}

TEST(AclSync, WithoutAnAuthorizerThereIsANote) {
  const AclPlan none = compare_acls(flow(), std::nullopt, std::set<Acl>{}, names());
  EXPECT_TRUE(none.missing.empty());
  EXPECT_EQ(none.note, "acl: cluster 'old' has no authorizer, so that ACLs are not synced");
  EXPECT_NE(compare_acls(flow(), std::set<Acl>{}, std::nullopt, names()).note.find("'new'"),
            std::string::npos);
  const auto json = to_json(compare_acls(
      flow(), std::set<Acl>{acl(kTopic, "orders", kRead), acl(kTopic, "secret", kRead)},
      std::set<Acl>{}, names()));
  EXPECT_EQ(json, nlohmann::json::parse(R"({"note": null,
      "create": [{"resource_type": "topic", "pattern_type": "literal", "resource_name": "orders",
                  "principal": "User:alice", "host": "*", "operation": "READ",
                  "permission": "ALLOW",
                  "text": "acl: create ALLOW READ on topic orders to User:alice"}],
      "left_out": [{"resource_type": "topic", "pattern_type": "literal", "resource_name": "secret",
                    "principal": "User:alice", "host": "*", "operation": "READ",
                    "permission": "ALLOW", "reason": "the topic is not mirrored"}]})"));
}

// Fails for one, and notes what it is asked for.
class FakeChanger : public AclChanger {
 public:
  Result<std::vector<Result<>>> create(const std::vector<Acl>& acls, const Wait&) override {
    std::vector<Result<>> results;
    for (const Acl& one : acls) {
      asked.push_back(to_string(one));
      if (one.principal == "User:bob" && one.permission == kDeny)
        results.push_back(fail(ErrorKind::kFailed, "no"));
      else
        results.emplace_back();
    }
    return results;
  }
  Lines asked;
};

TEST(AclSync, NothingIsAllowedThatAFailedDenialNarrows) {
  const StopToken stop;
  const Wait wait(Deadline::after(Duration(1000)), stop);
  const AclPlan plan = compare_acls(
      flow(),
      std::set<Acl>{acl(kTopic, "orders", kRead), acl(kTopic, "orders", kRead, "bob"),
                    acl(kTopic, "orders-eu", kRead, "bob", AclPattern::kLiteral, kDeny)},
      std::set<Acl>{}, names());
  FakeChanger changer;
  const auto results = apply(plan, changer, wait);
  ASSERT_TRUE(results);
  EXPECT_EQ(changer.asked, (Lines{"DENY READ on topic orders-eu to User:bob",
                                  "ALLOW READ on topic orders to User:alice"}));
  ASSERT_EQ(results->size(), 3U);
  EXPECT_FALSE(results->at(0));
  EXPECT_TRUE(results->at(1));
  EXPECT_EQ(results->at(2).error().kind, ErrorKind::kRefused);

  NoAclChanger dry;
  const auto nothing = apply(plan, dry, wait);
  ASSERT_TRUE(nothing);
  for (const auto& result : *nothing) EXPECT_TRUE(result);
}

}  // namespace
}  // namespace kferry::replicate
