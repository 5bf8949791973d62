// What the doctor makes of facts.
#include "doctor/judge.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "doctor/report.h"
#include "doctor/zookeeper_probe.h"
#include "replicate/patterns.h"
#include "tests/support/expectations.h"
#include "tests/unit/verify/schema.h"

namespace kferry::doctor {
namespace {

using test::has;
using enum wire::AclOperation;
using kafkaio::ConfigSource;

const TopicName kOrders("orders");
const GroupId kBilling("billing");
const TopicPartition kFirst{kOrders, Partition(0)};

const std::set<wire::AclOperation> kEverything{kRead,  kWrite,    kCreate,          kDelete,
                                               kAlter, kDescribe, kDescribeConfigs, kAlterConfigs};

kafkaio::Configs topic_configs() {
  kafkaio::Configs configs;
  for (const auto& [name, value] : {std::pair{"max.message.bytes", "1000"},
                                    {"retention.ms", "604800000"},
                                    {"retention.bytes", "-1"},
                                    {"cleanup.policy", "delete"},
                                    {"message.timestamp.type", "CreateTime"},
                                    {"min.insync.replicas", "1"}})
    configs[name] = {.value = value, .source = ConfigSource::kDefault};
  return configs;
}

TopicFacts topic(int64_t start, int64_t end) {
  TopicFacts facts;
  facts.partitions[Partition(0)] = {.replicas = 1,
                                    .in_sync = 1,
                                    .has_leader = true,
                                    .range = wire::LogRange{Offset(start), Offset(end)}};
  facts.configs = topic_configs();
  return facts;
}

kafkaio::Configs broker_configs() {
  kafkaio::Configs configs;
  for (const auto& [name, value] : {std::pair{"offsets.retention.minutes", "10080"},
                                    {"producer.id.expiration.ms", "86400000"},
                                    {"auto.create.topics.enable", "false"},
                                    {"message.max.bytes", "1000"},
                                    {"log.retention.hours", "168"},
                                    {"log.cleanup.policy", "delete"},
                                    {"default.replication.factor", "1"},
                                    {"min.insync.replicas", "1"},
                                    {"socket.request.max.bytes", "104857600"}})
    configs[name] = {.value = value, .source = ConfigSource::kStatic};
  return configs;
}

ClusterFacts cluster(Side side) {
  ClusterFacts facts;
  facts.side = side;
  facts.servers = side == Side::kSource ? "old1:9092" : "new1:9092";
  facts.brokers.push_back({BrokerId(1), {"host", 9092}, std::string("3.9 or later")});
  facts.tells_operations = true;
  facts.operations = kEverything;
  facts.broker_configs = broker_configs();
  facts.clocks.push_back({"broker 1", 3, "ZooKeeper", 1'000, "by its registration"});
  facts.quotas = std::vector<QuotaFacts>();
  return facts;
}

// All is well: a topic that is not on the target yet, and a group that has caught up.
DoctorFacts healthy() {
  DoctorFacts facts;
  facts.now_ms = 1'700'000'000'000;
  facts.has_flow = true;
  facts.jobs = {Job::kReplicate};
  auto& flow = facts.scope.flow;
  flow.config_properties.include = replicate::parse_patterns(".*").value();
  flow.groups.include = replicate::parse_patterns(".*").value();
  flow.source.client.client_id = flow.target.client.client_id = "kferry";
  facts.scope.topics = cover({"orders"});
  facts.scope.groups = cover({"billing"});
  facts.source = cluster(Side::kSource);
  facts.target = cluster(Side::kTarget);
  facts.source.topics[kOrders] = topic(0, 50);
  GroupFacts group{.state = "Stable", .members = 1, .offsets = {}};
  group.offsets = groupproto::GroupOffsets{{kFirst, {Offset(50), {}}}};
  facts.source.groups[kBilling] = group;
  for (const Right& right : rights_of(facts.jobs, facts.scope)) {
    ClusterFacts& side = right.side == Side::kSource ? facts.source : *facts.target;
    if (right.resource == wire::AclResource::kTopic)
      side.topic_operations[TopicName(right.name.name)] = kEverything;
    if (right.resource == wire::AclResource::kGroup)
      side.group_operations[GroupId(right.name.name)] = kEverything;
  }
  facts.mirrored.emplace();
  return facts;
}

void set(TopicFacts& facts, const char* name, const char* value,
         ConfigSource source = ConfigSource::kTopic) {
  (*facts.configs)[name] = {.value = value, .source = source};
}
void set(ClusterFacts& facts, const char* name, const char* value) {
  (*facts.broker_configs)[name] = {.value = value, .source = ConfigSource::kStatic};
}

// "attention topic: target, topic orders: ..." of all that is not fine.
std::string troubles(const DoctorFacts& facts, Level least = Level::kNote) {
  std::string text;
  for (const Finding& one : judge(facts))
    if (one.level >= least)
      text += fmt::format("{} {}: {}: {}\n", to_string(one.level), one.check, one.where, one.what);
  return text;
}
int exit_code(const DoctorFacts& facts) {
  return exit_code_of(describe(facts, judge(facts)));
}

TEST(Doctor, AHealthyPair) {
  const DoctorFacts facts = healthy();
  EXPECT_EQ(troubles(facts), "");
  EXPECT_EQ(exit_code(facts), 0);
  const DoctorReport report = describe(facts, judge(facts));
  EXPECT_TRUE(has(to_table(report), "Nothing stands in the way."));
  EXPECT_EQ(
      testing::schema_trouble("doctor-report.schema.json", nlohmann::json::parse(to_json(report))),
      "");
}

TEST(Doctor, WhatIsOutOfReach) {
  DoctorFacts facts = healthy();
  facts.target->brokers[0].version = fail(ErrorKind::kUnreachable, "broker host:9092: refused");
  EXPECT_EQ(troubles(facts, Level::kUnreachable),
            "unreachable reach: target, broker 1 at host:9092: broker host:9092: refused\n");
  EXPECT_EQ(exit_code(facts), 5);

  facts = healthy();
  facts.source.trouble = Error{ErrorKind::kNotAuthorised, "the login was refused", "a hint", 0};
  EXPECT_TRUE(has(troubles(facts), "denied login: source old1:9092: the login was refused"));
  EXPECT_EQ(exit_code(facts), 7);

  facts = healthy();
  facts.zookeeper = ZooKeeperFacts{"zk1:2181", {{"zk1:2181", {}}}, {}, false, {7}};
  EXPECT_TRUE(has(troubles(facts), "there is no /consumers in it"));
  EXPECT_TRUE(has(troubles(facts), "none of the source's brokers is registered in it"));
  EXPECT_EQ(exit_code(facts), 3);
}

TEST(Doctor, ClocksThatAreApart) {
  DoctorFacts facts = healthy();
  facts.target->clocks[0].ahead_of_ms = -25'000;
  EXPECT_EQ(troubles(facts),
            "attention clock: target, broker 1: 25.0 s behind ZooKeeper (by its registration)\n");
  facts.target->clocks.clear();
  facts.target->clock_unread = "because";
  EXPECT_EQ(troubles(facts),
            "unknown clock: target: the time of its servers is unknown: because\n");
  EXPECT_EQ(exit_code(facts), 0);
}

TEST(Doctor, ARightThatIsMissing) {
  DoctorFacts facts = healthy();
  facts.target->topic_operations[kOrders]->erase(kWrite);
  facts.target->operations->erase(kAlter);
  const Findings findings = judge(facts);
  EXPECT_EQ(findings[0].where, "target, topic orders");
  EXPECT_EQ(findings[0].what, "WRITE is missing");
  EXPECT_EQ(findings[0].next,
            "kafka-acls.sh --bootstrap-server new1:9092 --command-config admin.properties --add "
            "--allow-principal 'User:KFERRY' --operation Write --topic 'orders'");
  EXPECT_TRUE(has(troubles(facts),
                  "note right: target, the cluster: ALTER is missing, which is of "
                  "use but not needed"));
  EXPECT_EQ(exit_code(facts), 7);
}

TEST(Doctor, RightsThatAreNotTold) {
  DoctorFacts facts = healthy();
  facts.target->group_operations.clear();
  EXPECT_TRUE(has(troubles(facts),
                  "unknown right: target: whether we have these rights is not told: READ on group "
                  "__kferry.source.target.state, billing"));
  EXPECT_EQ(exit_code(facts), 0);
  // Who may not DESCRIBE may not READ either; of CREATE nothing is known, unless by the cluster.
  facts = healthy();
  facts.target->topic_operations[kOrders]->clear();
  EXPECT_TRUE(has(troubles(facts), "denied right: target, topic orders: READ is missing"));
  EXPECT_FALSE(has(troubles(facts), "CREATE on topic orders"));
  facts.target->operations->erase(kCreate);
  EXPECT_TRUE(has(troubles(facts), "CREATE on topic orders"));
  // It is there: nothing has to be created.
  facts.target->topics[kOrders] = topic(0, 0);
  EXPECT_FALSE(has(troubles(facts), "CREATE on topic orders"));
}

TEST(Doctor, AclsTellWhereOperationsDoNot) {
  DoctorFacts facts = healthy();
  facts.target->group_operations.clear();
  wire::Acl acl{.resource = wire::AclResource::kGroup,
                .pattern = wire::AclPattern::kPrefixed,
                .name = "bill",
                .principal = "User:app",
                .host = "*",
                .operation = kRead};
  facts.target->acls = {acl};
  EXPECT_TRUE(has(troubles(facts), "READ on group __kferry.source.target.state, billing"));
  facts.target->principal = "User:app";
  EXPECT_TRUE(has(troubles(facts), "READ on group __kferry.source.target.state\n"));
  acl.operation = kAll;
  acl.permission = wire::AclPermission::kDeny;
  facts.target->acls.insert(acl);
  EXPECT_TRUE(has(troubles(facts), "denied right: target, group billing: READ is missing"));
}

TEST(Doctor, IdempotentWriteIsForOldBrokers) {
  DoctorFacts facts = healthy();
  EXPECT_EQ(troubles(facts), "");
  facts.target->before_2_8 = true;
  EXPECT_TRUE(has(troubles(facts), "denied right: target, the cluster: IDEMPOTENT_WRITE"));
}

TEST(Doctor, MessageSizes) {
  DoctorFacts facts = healthy();
  facts.target->topics[kOrders] = topic(0, 0);
  set(facts.source.topics[kOrders], "max.message.bytes", "2000");
  EXPECT_EQ(troubles(facts),
            "note topic: target, topic orders: max.message.bytes is 1000 on the "
            "target, 2000 on the source\n");
  facts.scope.flow.sync_topic_configs = false;
  EXPECT_TRUE(has(troubles(facts), "attention topic: target, topic orders: max.message.bytes"));
  facts = healthy();
  set(*facts.target, "socket.request.max.bytes", "900");
  EXPECT_TRUE(has(troubles(facts), "take requests of 900 bytes at most"));
}

TEST(Doctor, RetentionOnTheTarget) {
  DoctorFacts facts = healthy();
  set(*facts.target, "log.retention.hours", "24");
  EXPECT_EQ(troubles(facts),
            "attention topic: target, topic orders: retention.ms will be 24 h on "
            "the target, it is 7 d on the source\n");
  // What is set on the source is set on the target.
  set(facts.source.topics[kOrders], "retention.ms", "604800000");
  EXPECT_EQ(troubles(facts), "");
  // What is set on the target alone is reset.
  facts = healthy();
  facts.target->topics[kOrders] = topic(0, 0);
  set(facts.target->topics[kOrders], "retention.ms", "1000");
  EXPECT_EQ(troubles(facts), "");
  facts.scope.flow.sync_topic_configs = false;
  EXPECT_TRUE(has(troubles(facts), "retention.ms will be 1 s"));
}

TEST(Doctor, TimestampsAndReplicas) {
  DoctorFacts facts = healthy();
  facts.target->topics[kOrders] = topic(0, 0);
  set(facts.target->topics[kOrders], "message.timestamp.type", "LogAppendTime");
  set(facts.target->topics[kOrders], "message.timestamp.before.max.ms", "3600000");
  set(facts.target->topics[kOrders], "min.insync.replicas", "2", ConfigSource::kDefault);
  const std::string text = troubles(facts);
  EXPECT_TRUE(has(text, "message.timestamp.type is LogAppendTime on the target"));
  EXPECT_TRUE(has(text, "message.timestamp.before.max.ms is 60 min on the target"));
  EXPECT_TRUE(has(text, "min.insync.replicas is 2, with 1 replicas"));
  facts = healthy();
  facts.scope.flow.replication_factor = 3;
  EXPECT_TRUE(has(troubles(facts), "created with 3 replicas, and the target has 1 brokers"));
}

TEST(Doctor, PartitionsAndTopicsThatAreNotThere) {
  DoctorFacts facts = healthy();
  facts.target->topics[kOrders] = topic(0, 0);
  facts.target->topics[kOrders].partitions[Partition(1)] = {.replicas = 1, .range = {}};
  facts.source.topics[kOrders].partitions[Partition(0)].has_leader = false;
  EXPECT_TRUE(has(troubles(facts), "it has 2 partitions, the source has 1"));
  EXPECT_TRUE(has(troubles(facts), "source, topic orders: partitions without a leader: 1"));
  facts = healthy();
  set(*facts.target, "auto.create.topics.enable", "true");
  EXPECT_TRUE(has(troubles(facts), "these do not exist yet: orders"));
  facts.source.topics.clear();
  EXPECT_TRUE(has(troubles(facts), "no topic is selected"));
}

TEST(Doctor, WhetherOffsetsCanBeTheSame) {
  DoctorFacts facts = healthy();
  facts.target->topics[kOrders] = topic(0, 5);
  EXPECT_TRUE(has(troubles(facts),
                  "attention identity: target, topic orders: not possible: the "
                  "target's topic has records already"));
  facts.mirrored->emplace(kFirst, replicate::PartitionRecord{});
  EXPECT_EQ(troubles(facts), "");
  facts.mirrored.reset();
  EXPECT_TRUE(has(troubles(facts), "unknown identity"));

  facts = healthy();
  facts.source.topics[kOrders] = topic(10, 50);
  EXPECT_EQ(troubles(facts), "");
  facts.target->topic_operations[kOrders]->erase(kDelete);
  EXPECT_TRUE(has(troubles(facts), "DELETE on the topic is missing"));

  facts = healthy();
  set(facts.source.topics[kOrders], "cleanup.policy", "compact");
  EXPECT_EQ(troubles(facts), "");
  facts.target->operations->erase(kAlter);
  EXPECT_TRUE(has(troubles(facts), "it is compacted, and ALTER (or CLUSTER_ACTION)"));
  facts.target->principal = "User:app";
  facts.target->acls = {{.resource = wire::AclResource::kTransactionalId,
                         .pattern = wire::AclPattern::kPrefixed,
                         .name = "kferry-",
                         .principal = "User:app",
                         .host = "*",
                         .operation = kWrite}};
  EXPECT_FALSE(has(troubles(facts), "identity"));  // by empty transactions
  facts.scope.flow.offsets = replicate::OffsetsMode::kTranslate;
  EXPECT_TRUE(has(troubles(facts), "note identity: target, topic orders: translated"));
}

TEST(Doctor, WhatTheBrokersForget) {
  DoctorFacts facts = healthy();
  set(*facts.target, "producer.id.expiration.ms", "60000");
  EXPECT_TRUE(has(troubles(facts), "attention producer-id: target: producer.id.expiration.ms"));
  facts = healthy();
  facts.source.groups[kBilling].members = 0;
  EXPECT_EQ(troubles(facts), "");  // of the consumer protocol: its members are not told
  facts.source.groups[kBilling].state = "Empty";
  EXPECT_TRUE(has(troubles(facts), "note offsets: source, group billing: without members: 7 d"));
  set(facts.source, "offsets.retention.minutes", "60");
  EXPECT_TRUE(has(troubles(facts), "attention offsets: source, group billing"));
  facts.source.broker_configs = fail(ErrorKind::kNotAuthorised, "denied", "grant it");
  EXPECT_TRUE(has(troubles(facts), "unknown broker-config: source"));
}

TEST(Doctor, RetentionThatOvertakesAGroup) {
  DoctorFacts facts = healthy();
  auto& offsets = *facts.source.groups[kBilling].offsets;
  offsets[kFirst].offset = Offset(20);
  facts.source.safe_from[kFirst] = Offset(20);
  EXPECT_EQ(troubles(facts), "");
  facts.source.safe_from[kFirst] = Offset(30);
  EXPECT_EQ(troubles(facts),
            "attention offsets: source, group billing: orders-0: retention is "
            "about to delete offsets 20 to 29\n");
  facts.source.safe_from[kFirst] = Offset(-1);
  EXPECT_TRUE(has(troubles(facts), "offsets 20 to 49"));
  facts.source.topics[kOrders] = topic(25, 50);
  EXPECT_TRUE(has(troubles(facts), "orders-0: offsets 20 to 24 are deleted already"));
  offsets[kFirst].offset = Offset(60);
  EXPECT_TRUE(has(troubles(facts), "orders-0: 60 is behind the log's end 50"));
}

TEST(Doctor, GroupsThatAreNotSeenOrInUse) {
  DoctorFacts facts = healthy();
  facts.source.operations->erase(kAlter);
  facts.source.operations->erase(kDescribe);
  facts.source.operations->erase(kDelete);
  facts.source.operations->erase(kRead);
  facts.source.operations->erase(kWrite);
  EXPECT_TRUE(has(troubles(facts), "groups that we may not DESCRIBE are not listed"));
  facts = healthy();
  facts.target->groups[kBilling] = {.state = "Stable", .members = 2, .offsets = {}};
  EXPECT_TRUE(has(troubles(facts), "target, group billing: it has members there already"));
}

TEST(Doctor, GroupsThatOldBrokersDoNotList) {
  DoctorFacts facts = healthy();
  facts.source.lists_members_only = true;
  EXPECT_TRUE(has(troubles(facts, Level::kAttention),
                  "attention offsets: source: brokers 0.9 and 0.10.0 list only groups that have "
                  "members"));
  facts.scope.flow.groups.include = replicate::parse_patterns("billing,shipping").value();
  facts.scope.flow.groups.names = {"billing", "shipping"};
  EXPECT_EQ(troubles(facts), "");
}

TEST(Doctor, Quotas) {
  DoctorFacts facts = healthy();
  facts.target->quotas = std::vector<QuotaFacts>{
      {{{"client-id", "kferry"}}, {{"producer_byte_rate", 1024}, {"consumer_byte_rate", 1}}},
      {{{"user", "alice"}}, {{"request_percentage", 50}}}};
  EXPECT_EQ(troubles(facts),
            "attention quota: target, client-id kferry: producer_byte_rate is 1024\n"
            "note quota: target, user alice: request_percentage is 50\n");
  facts.target->quotas = std::unexpected(Error{ErrorKind::kNotAuthorised, "denied", {}, 0});
  EXPECT_TRUE(has(troubles(facts), "unknown quota: target"));
}

TEST(Doctor, AddressesThatZooKeeperAdvertises) {
  EXPECT_EQ(client_addresses("server.1=zk1:2888:3888:participant;0.0.0.0:2181\n"
                             "server.2=zk2:2888:3888:participant;10.0.0.2:2182\n"
                             "server.3=zk3:2888:3888:participant;2183\nversion=100000000"),
            (std::vector<std::string>{"zk1:2181", "10.0.0.2:2182", "zk3:2183"}));
  EXPECT_EQ(client_addresses("server.1=zk1:2888:3888\nversion=0"), std::vector<std::string>{});
}

TEST(Doctor, NamesInShort) {
  EXPECT_EQ(names_in_short({"a", "b", "c"}, 2), "a, b, c");
  EXPECT_EQ(names_in_short({"a", "b", "c", "d"}, 2), "a, b and 2 more");
}

}  // namespace
}  // namespace kferry::doctor
