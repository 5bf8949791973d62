// Topics, configs, records of kferry's own and shared work, on real brokers: one environment for
// each of Kafka's versions.
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "kafkaio/compacted_reader.h"
#include "kafkaio/group_member.h"
#include "kafkaio/producer.h"
#include "kafkaio/topic_admin.h"
#include "testenv/testenv.h"
#include "wire/acls.h"
#include "wire/topic_configs.h"

namespace kferry::kafkaio {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testenv::Environment;

const StopToken never;
Wait within(Duration duration = 30s) {
  return {Deadline::after(duration), never};
}

TopicPartition at(const char* topic, int32_t partition) {
  return {TopicName(topic), Partition(partition)};
}

template <class T>
testing::AssertionResult succeeded(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message;
}

struct Site {
  explicit Site(std::string kafka_version)
      : version(std::move(kafka_version)),
        environment(Environment::start({.source = version})),
        properties{.bootstrap_servers = environment.bootstrap_servers()},
        admin(TopicAdmin::connect(properties).value()) {}

  void create(const char* topic, int32_t partitions, const ConfigValues& configs = {}) {
    const auto created = admin.create({{TopicName(topic), partitions, 1, configs}}, within());
    ASSERT_TRUE(succeeded(created));
    ASSERT_TRUE(succeeded(created->at(TopicName(topic))));
    ASSERT_NO_FATAL_FAILURE(await_partitions(topic, partitions));
  }
  // A broker learns of a new topic from its controller, a little later.
  void await_partitions(const char* topic, int32_t partitions) {
    for (const Deadline deadline = Deadline::after(30s); !deadline.expired();) {
      const auto counts = admin.partition_counts(within());
      ASSERT_TRUE(succeeded(counts));
      const auto found = counts->find(TopicName(topic));
      if (found != counts->end() && found->second == partitions) return;
      never.sleep_for(50ms);
    }
    FAIL() << topic << " never had " << partitions << " partitions";
  }
  // A broker learns of a change from its controller, too.
  testing::AssertionResult await_config(const char* topic, const char* name,
                                        const std::string& value) {
    ConfigEntry entry;
    for (const Deadline deadline = Deadline::after(30s); !deadline.expired();) {
      entry = config(topic, name);
      if (entry.value == value) return testing::AssertionSuccess();
      never.sleep_for(50ms);
    }
    return testing::AssertionFailure() << name << " is " << entry.value.value_or("unset");
  }
  ConfigEntry config(const char* topic, const char* name) {
    const auto configs = admin.configs({TopicName(topic)}, within());
    EXPECT_TRUE(succeeded(configs));
    EXPECT_TRUE(succeeded(configs->at(TopicName(topic))));
    return configs->at(TopicName(topic))->at(name);
  }

  std::string version;
  Environment environment;
  ClientProperties properties;
  TopicAdmin admin;
};

class TopicsOnBrokers : public testing::TestWithParam<const char*> {};

void check_creation(Site& site) {
  const TopicName orders("orders");
  const auto created = site.admin.create(
      {{orders, 3, 1, {{"cleanup.policy", "compact"}, {"max.message.bytes", "12345"}}},
       {TopicName("by-default"), 2, -1},
       {TopicName("too many copies"), 1, 9},
       {TopicName("odd"), 1, 1, {{"no.such.config", "1"}}}},
      within());
  ASSERT_TRUE(succeeded(created));
  EXPECT_TRUE(succeeded(created->at(orders)));
  EXPECT_TRUE(succeeded(created->at(TopicName("by-default"))));
  EXPECT_EQ(created->at(TopicName("too many copies")).error().kind, ErrorKind::kFailed);
  EXPECT_EQ(created->at(TopicName("odd")).error().kafka_code, 40);  // INVALID_CONFIG
  const auto again = site.admin.create({{orders, 3, 1}}, within());
  ASSERT_TRUE(succeeded(again));
  EXPECT_EQ(again->at(orders).error().kafka_code, kTopicAlreadyExistsCode);

  site.await_partitions("orders", 3);
  site.await_partitions("by-default", 2);
  const auto grown = site.admin.grow({{orders, 5}, {TopicName("by-default"), 1}}, within());
  ASSERT_TRUE(succeeded(grown));
  EXPECT_TRUE(succeeded(grown->at(orders)));
  EXPECT_EQ(grown->at(TopicName("by-default")).error().kind, ErrorKind::kFailed);
  site.await_partitions("orders", 5);

  const auto removed = site.admin.remove({TopicName("by-default"), TopicName("gone")}, within());
  ASSERT_TRUE(succeeded(removed));
  EXPECT_TRUE(succeeded(removed->at(TopicName("by-default"))));
  EXPECT_EQ(removed->at(TopicName("gone")).error().kafka_code, kUnknownTopicCode);
}

wire::Cluster cluster_of(const Site& site) {
  return wire::Cluster::connect(
             wire::parse_bootstrap_servers(site.properties.bootstrap_servers).value(), {}, within())
      .value();
}

// Through our own protocol code, where the broker has it.
void check_incremental_changes(Site& site) {
  wire::Cluster cluster = cluster_of(site);
  const auto changed = wire::change_topic_configs(
      cluster,
      {{TopicName("orders"), {{"retention.bytes", "7"}, {"retention.ms", std::nullopt}}},
       {TopicName("by-default"), {{"retention.ms", "soon"}}}},
      within());
  ASSERT_TRUE(succeeded(changed));
  EXPECT_EQ(changed->has_value(), site.version != "1.1.1");
  if (!*changed) return;
  EXPECT_TRUE(succeeded((*changed)->at(TopicName("orders"))));
  EXPECT_FALSE((*changed)->at(TopicName("by-default")));
  EXPECT_TRUE(site.await_config("orders", "retention.bytes", "7"));
  EXPECT_TRUE(site.await_config("orders", "retention.ms", "604800000"));
  EXPECT_TRUE(site.await_config("orders", "cleanup.policy", "compact"));
}

void check_configs(Site& site) {
  EXPECT_EQ(site.config("orders", "cleanup.policy"),
            (ConfigEntry{.value = "compact", .source = ConfigSource::kTopic}));
  EXPECT_EQ(site.config("orders", "segment.bytes").source, ConfigSource::kDefault);
  const auto missing = site.admin.configs({TopicName("gone"), TopicName("orders")}, within());
  ASSERT_TRUE(succeeded(missing));
  // That old a broker has configs for topics that do not exist.
  EXPECT_EQ(missing->at(TopicName("gone")).has_value(), site.version == "1.1.1");
  EXPECT_TRUE(succeeded(missing->at(TopicName("orders"))));

  const auto broker = site.admin.any_broker_configs(within());
  ASSERT_TRUE(succeeded(broker));
  EXPECT_EQ(broker->at("offsets.topic.num.partitions").source, ConfigSource::kStatic);

  const auto changed = site.admin.change_configs(
      {{TopicName("orders"), {{"retention.ms", "-1"}, {"max.message.bytes", std::nullopt}}},
       {TopicName("gone"), {{"retention.ms", "1"}}}},
      within());
  ASSERT_TRUE(succeeded(changed));
  EXPECT_TRUE(succeeded(changed->at(TopicName("orders"))));
  EXPECT_FALSE(changed->at(TopicName("gone")));
  EXPECT_TRUE(site.await_config("orders", "retention.ms", "-1"));
  EXPECT_EQ(site.config("orders", "cleanup.policy").value, "compact");
  EXPECT_NE(site.config("orders", "max.message.bytes").source, ConfigSource::kTopic);

  const auto wrong =
      site.admin.change_configs({{TopicName("orders"), {{"retention.ms", "soon"}}}}, within());
  ASSERT_TRUE(succeeded(wrong));
  EXPECT_FALSE(wrong->at(TopicName("orders")));

  ASSERT_NO_FATAL_FAILURE(check_incremental_changes(site));
  // As documented: what is not named is gone.
  const auto replaced =
      site.admin.replace_configs({{TopicName("orders"), {{"retention.ms", "99"}}}}, within());
  ASSERT_TRUE(succeeded(replaced));
  EXPECT_TRUE(succeeded(replaced->at(TopicName("orders"))));
  EXPECT_TRUE(site.await_config("orders", "retention.ms", "99"));
  EXPECT_TRUE(site.await_config("orders", "cleanup.policy", "delete"));
}

void check_state_topic(Site& site) {
  site.create("state", 2, {{"cleanup.policy", "compact"}});
  auto producer = Producer::open(site.properties);
  ASSERT_TRUE(succeeded(producer));
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(succeeded(producer->send(at("state", i % 2), "k" + std::to_string(i % 10),
                                         "v" + std::to_string(i), within())));
  ASSERT_TRUE(succeeded(producer->send(at("state", 0), "k0", std::nullopt, within())));
  ASSERT_TRUE(succeeded(producer->send(at("state", 1), "empty", "", within())));
  ASSERT_TRUE(succeeded(producer->flush(within())));
  const auto put = producer->put(at("state", 0), "last", "one", within());
  ASSERT_TRUE(succeeded(put));
  EXPECT_EQ(*put, Offset(251));

  auto reader = CompactedReader::open(site.properties, TopicName("state"), within());
  ASSERT_TRUE(succeeded(reader));
  ASSERT_TRUE(succeeded(reader->catch_up(within())));
  EXPECT_EQ(reader->entries().size(), 11U);
  EXPECT_EQ(reader->entries().at("k9"), "v499");
  EXPECT_EQ(reader->entries().at("empty"), "");
  EXPECT_FALSE(reader->entries().contains("k0"));

  // What is confirmed before is seen afterwards, every time.
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(succeeded(producer->put(at("state", i % 2), "n", std::to_string(i), within())));
    ASSERT_TRUE(succeeded(reader->catch_up(within())));
    ASSERT_EQ(reader->entries().at("n"), std::to_string(i));
  }
  ASSERT_TRUE(succeeded(producer->put(at("state", 1), "n", std::nullopt, within())));
  const auto changes = reader->poll(10, within());
  ASSERT_TRUE(succeeded(changes));
  EXPECT_EQ(*changes, (std::vector{CompactedReader::Change{"n", std::nullopt}}));
  EXPECT_FALSE(reader->entries().contains("n"));

  const auto unknown = CompactedReader::open(site.properties, TopicName("gone"), within());
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kafka_code, kUnknownTopicCode);
  // Its two segments' worth cannot be trimmed while it is only compacted.
  const auto refused = site.admin.delete_records({{at("state", 0), Offset(5)}}, within());
  ASSERT_TRUE(succeeded(refused));
  EXPECT_EQ(refused->at(at("state", 0)).error().kafka_code, 44);  // POLICY_VIOLATION
}

void check_deleting_records(Site& site) {
  site.create("trim", 2);
  auto producer = Producer::open(site.properties);
  ASSERT_TRUE(succeeded(producer));
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(succeeded(producer->send(at("trim", i % 2), "k", "v", within())));
  ASSERT_TRUE(succeeded(producer->flush(within())));
  const auto deleted = site.admin.delete_records(
      {{at("trim", 0), Offset(7)}, {at("trim", 1), Offset(11)}, {at("gone", 0), Offset(1)}},
      within(10s));
  ASSERT_TRUE(succeeded(deleted));
  EXPECT_EQ(deleted->at(at("trim", 0)).value(), Offset(7));
  EXPECT_EQ(deleted->at(at("trim", 1)).error().kafka_code, 1);  // OFFSET_OUT_OF_RANGE
  EXPECT_FALSE(deleted->at(at("gone", 0)));
  const auto back = site.admin.delete_records({{at("trim", 0), Offset(3)}}, within());
  ASSERT_TRUE(succeeded(back));
  EXPECT_EQ(back->at(at("trim", 0)).value(), Offset(7));
  EXPECT_EQ(site.admin.delete_records({{at("trim", 0), Offset(-1)}}, within()).error().kind,
            ErrorKind::kUsage);
}

void check_acls_without_authorizer(const Site& site) {
  wire::Cluster cluster = cluster_of(site);
  const auto acls = wire::fetch_acls(cluster, within());
  ASSERT_TRUE(succeeded(acls));
  EXPECT_FALSE(*acls);
}

TEST_P(TopicsOnBrokers, AreAdministered) {
  Site site(GetParam());
  ASSERT_NO_FATAL_FAILURE(check_creation(site));
  ASSERT_NO_FATAL_FAILURE(check_configs(site));
  ASSERT_NO_FATAL_FAILURE(check_state_topic(site));
  ASSERT_NO_FATAL_FAILURE(check_deleting_records(site));
  ASSERT_NO_FATAL_FAILURE(check_acls_without_authorizer(site));
}

INSTANTIATE_TEST_SUITE_P(Versions, TopicsOnBrokers,
                         testing::Values("4.2.0", "4.1.0", "3.9.1", "2.8.2", "1.1.1"),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

// One of several processes that share work, with a log of what it was told.
struct Worker {
  Worker(const ClientProperties& properties, std::string worker_name, const TopicName& topic)
      : name(std::move(worker_name)),
        member(
            GroupMember::join(
                properties, {.group = GroupId("work"), .topic = topic, .session_timeout = 6s},
                {.on_assigned = [this](const auto& slots) { add(slots); },
                 .on_revoked = [this](const auto& slots, bool was_lost) { take(slots, was_lost); }})
                .value()) {}

  void add(const GroupMember::Slots& slots) { held.insert(slots.begin(), slots.end()); }
  void take(const GroupMember::Slots& slots, bool was_lost) {
    lost = lost || was_lost;
    for (const Partition slot : slots) {
      EXPECT_EQ(held.erase(slot), 1U) << name << " slot " << slot.value();
      ++revoked;
    }
  }

  std::string name;
  GroupMember::Slots held = {};
  int revoked = 0;
  bool lost = false;
  Result<> last_poll = {};
  GroupMember member;
};

// Polls them until `done`; no slot may have two owners meanwhile, unless `overlap`.
template <class Done>
testing::AssertionResult drive(const std::vector<Worker*>& workers, Done&& done,
                               bool overlap = false) {
  for (const Deadline deadline = Deadline::after(60s); !deadline.expired();) {
    GroupMember::Slots all;
    size_t held = 0;
    for (Worker* const worker : workers) {
      worker->last_poll = worker->member.poll(20ms);
      if (worker->held != worker->member.slots())
        return testing::AssertionFailure() << worker->name << " has other slots than it was told";
    }
    for (Worker* const worker : workers) {
      all.insert(worker->held.begin(), worker->held.end());
      held += worker->held.size();
    }
    if (!overlap && held != all.size())
      return testing::AssertionFailure() << "a slot has two owners";
    if (done()) return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "not in time";
}

TEST(SharedWork, SlotsMoveToThoseThatAreThere) {
  Site site("3.9.1");
  site.create("slots", 12);
  const TopicName topic("slots");
  auto a = std::make_unique<Worker>(site.properties, "a", topic);
  ASSERT_TRUE(drive({a.get()}, [&] { return a->held.size() == 12; }));

  auto b = std::make_unique<Worker>(site.properties, "b", topic);
  ASSERT_TRUE(
      drive({a.get(), b.get()}, [&] { return a->held.size() == 6 && b->held.size() == 6; }));
  EXPECT_EQ(a->revoked, 6);  // those that stayed were left alone
  auto c = std::make_unique<Worker>(site.properties, "c", topic);
  ASSERT_TRUE(drive({a.get(), b.get(), c.get()}, [&] {
    return a->held.size() == 4 && b->held.size() == 4 && c->held.size() == 4;
  }));

  // Leaving is at once.
  const auto before = Clock::now();
  ASSERT_TRUE(succeeded(b->member.leave(within())));
  EXPECT_TRUE(b->held.empty());
  EXPECT_FALSE(b->lost);
  ASSERT_TRUE(
      drive({a.get(), c.get()}, [&] { return a->held.size() == 6 && c->held.size() == 6; }));
  EXPECT_LT(Clock::now() - before, 6s);

  // One that goes without a word leaves nevertheless. One that hangs is missed after the session
  // timeout; when it comes back it is told, and shares again.
  auto d = std::make_unique<Worker>(site.properties, "d", topic);
  ASSERT_TRUE(drive({a.get(), c.get(), d.get()}, [&] {
    return a->held.size() == 4 && c->held.size() == 4 && d->held.size() == 4;
  }));
  c.reset();
  ASSERT_TRUE(
      drive({a.get(), d.get()}, [&] { return a->held.size() == 6 && d->held.size() == 6; }));
  const auto hung = Clock::now();
  ASSERT_TRUE(drive({d.get()}, [&] { return d->held.size() == 12; }));
  EXPECT_GT(Clock::now() - hung, 3s);
  EXPECT_EQ(a->held.size(), 6U);
  ASSERT_TRUE(drive(
      {a.get(), d.get()}, [&] { return a->lost; }, true));
  ASSERT_TRUE(drive(
      {a.get(), d.get()}, [&] { return a->held.size() == 6 && d->held.size() == 6; }, true));
}

// librdkafka before 2.4 hangs in its destruction when a rebalance waits for an answer.
TEST(SharedWork, GoingInTheMiddleOfARebalanceDoesNotHang) {
  Site site("3.9.1");
  site.create("middle", 8);
  const TopicName topic("middle");
  auto a = std::make_unique<Worker>(site.properties, "a", topic);
  ASSERT_TRUE(drive({a.get()}, [&] { return a->held.size() == 8; }));
  for (int i = 0; i < 6; ++i) {
    SCOPED_TRACE(i);
    // It comes and goes at another moment each time, its events unserved.
    auto b = std::make_unique<Worker>(site.properties, "b", topic);
    ASSERT_TRUE(drive({a.get(), b.get()}, [&] { return !b->held.empty(); }));
    auto c = std::make_unique<Worker>(site.properties, "c", topic);
    const Deadline until = Deadline::after(Duration(400 * i));
    while (!until.expired()) a->last_poll = a->member.poll(20ms);
    const auto before = Clock::now();
    b.reset();
    c.reset();
    EXPECT_LT(Clock::now() - before, 12s);
    ASSERT_TRUE(drive(
        {a.get()}, [&] { return a->held.size() == 8; }, true));
  }
}

TEST(SharedWork, AMissingTopicIsToldOf) {
  Site site("4.1.0");
  Worker worker(site.properties, "w", TopicName("gone"));
  std::optional<Error> error;
  for (const Deadline deadline = Deadline::after(30s); !deadline.expired() && !error;)
    if (const auto polled = worker.member.poll(100ms); !polled) error = polled.error();
  ASSERT_TRUE(error);
  EXPECT_NE(error->message.find("gone"), std::string::npos) << error->message;
  EXPECT_EQ(error->kafka_code, kUnknownTopicCode) << error->message;
  site.create("gone", 2);
  ASSERT_TRUE(drive({&worker}, [&] { return worker.held.size() == 2; }));
  EXPECT_TRUE(succeeded(worker.last_poll));
}

}  // namespace
}  // namespace kferry::kafkaio
