// The target gets the source's topics, configs and ACLs, on real brokers with authorizers.
#include <algorithm>

#include <gtest/gtest.h>

#include "replicate/acl_sync.h"
#include "replicate/topic_sync_apply.h"
#include "testenv/testenv.h"
#include "wire/acls.h"

namespace kferry::replicate {
namespace {

using kafkaio::ClientProperties;
using kafkaio::ConfigValues;
using kafkaio::TopicAdmin;
using testenv::Environment;
using testenv::Side;
using wire::Acl;
using enum wire::AclOperation;
using enum wire::AclPattern;
using enum wire::AclPermission;
using enum wire::AclResource;

const StopToken never;
Wait within() {
  return {Deadline::after(Duration(30'000)), never};
}

template <class T>
testing::AssertionResult succeeded(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message;
}

struct Versions {
  const char* source;
  const char* source_authorizer;
  const char* target;
  bool source_has_prefixed;
};

std::map<std::string, std::string> with_authorizer(const char* name) {
  return {{"authorizer.class.name", name}, {"super.users", "User:ANONYMOUS"}};
}

struct Pair {
  explicit Pair(const Versions& versions)
      : environment(Environment::start(
            {.source = versions.source,
             .source_settings = with_authorizer(versions.source_authorizer),
             .target = versions.target,
             .target_settings =
                 with_authorizer("org.apache.kafka.metadata.authorizer.StandardAuthorizer")})),
        source(connect(Side::source)),
        target(connect(Side::target)) {
    flow.source.alias = "old";
    flow.target.alias = "new";
    flow.topics.include.emplace_back(".*");
    flow.topics.exclude.emplace_back("left-behind");
    flow.groups.include.emplace_back(".*");
    flow.config_properties.include.emplace_back(".*");
    flow.replication_factor = 1;
  }

  TopicAdmin connect(Side side) const {
    return TopicAdmin::connect({.bootstrap_servers = environment.bootstrap_servers(side)}).value();
  }
  wire::Cluster cluster(Side side) const {
    return wire::Cluster::connect(
               wire::parse_bootstrap_servers(environment.bootstrap_servers(side)).value(), {},
               within())
        .value();
  }

  static void create(TopicAdmin& admin, const std::vector<kafkaio::NewTopic>& topics) {
    const auto created = admin.create(topics, within());
    ASSERT_TRUE(succeeded(created));
    for (const auto& [topic, outcome] : *created) ASSERT_TRUE(succeeded(outcome));
  }
  // A broker learns of changes a little later.
  static TopicStates read(TopicAdmin& admin, const std::set<TopicName>& expected,
                          const std::function<bool(const TopicName&)>& selects) {
    for (const Deadline deadline = Deadline::after(Duration(30'000)); !deadline.expired();) {
      const auto read = read_topics(admin, selects, within());
      EXPECT_TRUE(succeeded(read));
      if (read && read->unread.empty() &&
          std::ranges::all_of(expected,
                              [&](const TopicName& one) { return read->topics.contains(one); }))
        return read->topics;
      never.sleep_for(Duration(50));
    }
    ADD_FAILURE() << "topics are missing";
    return {};
  }
  TopicStates read_source() {
    return read(source, {TopicName("orders"), TopicName("clicks"), TopicName("small")},
                [&](const TopicName& topic) { return is_mirrored(flow, topic); });
  }
  TopicStates read_target(const std::set<TopicName>& expected) {
    return read(target, expected, [](const TopicName&) { return true; });
  }

  // As soon as the brokers tell of them.
  testing::AssertionResult differ_by(const std::vector<std::string>& expected,
                                     const std::set<TopicName>& unfinished = {}) {
    std::vector<std::string> lines;
    for (const Deadline deadline = Deadline::after(Duration(30'000)); !deadline.expired();) {
      const TopicStates there = read_target({});
      const auto defaults = read_target_defaults(target, there, within());
      if (!defaults) return succeeded(defaults);
      last = compare_topics(flow, read_source(), there, *defaults, unfinished);
      lines.clear();
      for (const TopicDifference& one : last) lines.push_back(to_text(one));
      if (lines == expected) return testing::AssertionSuccess();
      never.sleep_for(Duration(50));
    }
    return testing::AssertionFailure() << testing::PrintToString(lines);
  }
  void apply_last(TopicChanger& changer) {
    const auto applied = apply(last, changer, within());
    ASSERT_TRUE(succeeded(applied));
    for (const AppliedDifference& one : *applied) EXPECT_TRUE(succeeded(one.outcome));
  }

  Environment environment;
  FlowSettings flow;
  TopicAdmin source;
  TopicAdmin target;
  std::vector<TopicDifference> last;
};

using Lines = std::vector<std::string>;
const TopicName kOrders("orders");
const TopicName kClicks("clicks");
const TopicName kSmall("small");

void check_topics(Pair& pair) {
  Pair::create(pair.source, {{kOrders, 3, 1, {{"cleanup.policy", "compact"}}},
                             {kClicks, 2, 1, {{"max.message.bytes", "2000000"}}},
                             {kSmall, 4, 1, {{"retention.ms", "86400000"}}},
                             {TopicName("left-behind"), 1, 1}});
  Pair::create(pair.target, {{kSmall, 1, 1, {{"cleanup.policy", "compact"}}},
                             {TopicName("own"), 1, 1}});
  const Lines all{
      "topic clicks: create with 2 partitions, replication factor 1, max.message.bytes=2000000",
      "topic orders: create with 3 partitions, replication factor 1, cleanup.policy=compact",
      "topic small: add partitions: 4 instead of 1",
      "topic small: reset cleanup.policy (now compact), set retention.ms=86400000"};
  ASSERT_TRUE(pair.differ_by(all));
  NoTopicChanger dry;
  ASSERT_NO_FATAL_FAILURE(pair.apply_last(dry));
  ASSERT_TRUE(pair.differ_by(all));

  wire::Cluster target = pair.cluster(Side::target);
  AdminTopicChanger changer(pair.target, target);
  ASSERT_NO_FATAL_FAILURE(pair.apply_last(changer));
  TopicStates there = pair.read_target({kOrders, kClicks});
  EXPECT_EQ(there.at(kOrders).configs.at("cleanup.policy").value, "delete");
  EXPECT_EQ(there.at(kOrders).configs.at("retention.ms").value, "-1");
  EXPECT_EQ(there.at(kClicks).configs.at("max.message.bytes").value, "2000000");
  for (const char* const limit :
       {"message.timestamp.before.max.ms", "message.timestamp.after.max.ms"}) {
    if (!there.at(kOrders).configs.contains(limit)) continue;
    EXPECT_EQ(there.at(kOrders).configs.at(limit).value, "9223372036854775807");
  }
  ASSERT_TRUE(pair.differ_by({}, {kOrders, kClicks}));

  const TopicStates here = pair.read_source();
  const TargetDefaults defaults = read_target_defaults(pair.target, there, within()).value();
  pair.last.clear();
  for (const TopicName& topic : {kClicks, kOrders})
    if (auto finish = finalise(pair.flow, topic, here.at(topic), there.at(topic), defaults))
      pair.last.push_back(*std::move(finish));
  EXPECT_EQ(pair.last.size(), 2U);
  ASSERT_NO_FATAL_FAILURE(pair.apply_last(changer));
  ASSERT_TRUE(pair.differ_by({}));
  there = pair.read_target({kOrders, kClicks});
  EXPECT_EQ(there.at(kOrders).configs.at("cleanup.policy").value, "compact");
  EXPECT_NE(there.at(kOrders).configs.at("retention.ms").source, kafkaio::ConfigSource::kTopic);
  EXPECT_EQ(there.at(kSmall).partitions, 4);
  EXPECT_EQ(there.at(kClicks).configs.at("max.message.bytes").value, "2000000");
}

Acl acl(wire::AclResource resource, const char* name, wire::AclOperation operation,
        const char* principal, wire::AclPattern pattern = kLiteral,
        wire::AclPermission permission = kAllow, const char* host = "*") {
  return {.resource = resource,
          .pattern = pattern,
          .name = name,
          .principal = principal,
          .host = host,
          .operation = operation,
          .permission = permission};
}

// Brokers obey, and tell of, new ACLs a little later.
std::set<Acl> fetch(wire::Cluster& cluster, size_t count) {
  std::set<Acl> acls;
  for (const Deadline deadline = Deadline::after(Duration(30'000)); !deadline.expired();) {
    const auto fetched = wire::fetch_acls(cluster, within());
    EXPECT_TRUE(succeeded(fetched));
    if (!fetched || !*fetched) break;
    acls = **fetched;
    if (acls.size() >= count) break;
    never.sleep_for(Duration(50));
  }
  EXPECT_EQ(acls.size(), count);
  return acls;
}

void check_acls(Pair& pair, bool prefixed) {
  std::vector<Acl> given{
      acl(kTopic, "orders", kRead, "User:billing", kLiteral, kAllow, "10.0.0.1"),
      acl(kTopic, "orders", kWrite, "User:shop"),
      acl(kTopic, "clicks", kAll, "User:billing", kLiteral, kDeny),
      acl(kTopic, "left-behind", kRead, "User:billing"),
      acl(kTopic, "*", kDescribe, "User:audit"),
      acl(kGroup, "*", kRead, "User:billing"),
      acl(kTransactionalId, "shop", kWrite, "User:shop"),
      acl(kCluster, "kafka-cluster", kIdempotentWrite, "User:shop"),
      acl(kCluster, "kafka-cluster", kAlter, "User:billing")};
  if (prefixed) given.push_back(acl(kTopic, "cli", kRead, "User:CN=x,O=y", kPrefixed));
  wire::Cluster source = pair.cluster(Side::source);
  wire::Cluster target = pair.cluster(Side::target);
  EXPECT_EQ(wire::has_prefixed_acls(source, within()).value(), prefixed);
  const auto created = wire::create_acls(source, given, within());
  ASSERT_TRUE(succeeded(created));
  for (const Result<>& one : *created) ASSERT_TRUE(succeeded(one));
  const std::set<Acl> here = fetch(source, given.size());
  EXPECT_EQ(here, std::set<Acl>(given.begin(), given.end()));

  AclNames names{.source_topics = {kOrders, kClicks, kSmall, TopicName("left-behind")},
                 .target_topics = {kOrders, kClicks, kSmall, TopicName("own")}};
  const AclPlan plan = compare_acls(pair.flow, here, fetch(target, 0), names);
  EXPECT_EQ(plan.left_out.size(), 3U);  // left-behind, "*" (it would cover "own"), ALTER
  EXPECT_EQ(plan.missing.front(), given[2]);
  NoAclChanger dry;
  ASSERT_TRUE(succeeded(apply(plan, dry, within())));
  EXPECT_TRUE(fetch(target, 0).empty());

  ClusterAclChanger changer(target);
  const auto applied = apply(plan, changer, within());
  ASSERT_TRUE(succeeded(applied));
  for (const Result<>& one : *applied) EXPECT_TRUE(succeeded(one));
  std::set<Acl> expected(given.begin(), given.end());
  for (const size_t gone : {3U, 4U, 8U}) expected.erase(given[gone]);
  for (const char* const topic : {"orders", "clicks", "small"})
    expected.insert(acl(kTopic, topic, kDescribe, "User:audit"));
  const std::set<Acl> there = fetch(target, expected.size());
  EXPECT_EQ(there, expected);
  EXPECT_TRUE(compare_acls(pair.flow, here, there, names).missing.empty());
  // Again is no error.
  ASSERT_TRUE(succeeded(wire::create_acls(target, plan.missing, within())));
}

class ReplicateTopics : public testing::TestWithParam<Versions> {};

TEST_P(ReplicateTopics, TopicsConfigsAndAcls) {
  Pair pair(GetParam());
  ASSERT_NO_FATAL_FAILURE(check_topics(pair));
  ASSERT_NO_FATAL_FAILURE(check_acls(pair, GetParam().source_has_prefixed));
}

INSTANTIATE_TEST_SUITE_P(
    Versions, ReplicateTopics,
    testing::Values(
        Versions{"3.9.1", "kafka.security.authorizer.AclAuthorizer", "4.1.0", true},
        Versions{"2.8.2", "kafka.security.authorizer.AclAuthorizer", "3.9.1", true},
        Versions{"1.1.1", "kafka.security.auth.SimpleAclAuthorizer", "4.1.0", false}),
    [](const auto& one) {
      std::string name = std::string(one.param.source) + "_to_" + one.param.target;
      std::ranges::replace(name, '.', '_');
      return name;
    });

}  // namespace
}  // namespace kferry::replicate
