// Holding a group on real brokers, seen through a proxy that records and breaks.
#include "groupproto/group_session.h"

#include <gtest/gtest.h>

#include "testenv/testenv.h"
#include "tests/support/expectations.h"
#include "tests/support/recording_proxy.h"
#include "wire/error_code.h"
#include "wire/log_range.h"
#include "wire/messages.h"

namespace kferry::groupproto {
namespace {

using test::Exchange;
using test::fails;
using test::has;
using test::ok;
using test::RecordingProxy;
using wire::ApiKey;

constexpr Duration kLong{60'000};
constexpr const char* kClientId = "kferry-test";

TopicPartition tp(int32_t partition) {
  return {TopicName("t"), Partition(partition)};
}

Wait long_wait() {
  return Wait::uninterruptible(kLong);
}

// Brokers that advertise a proxy each.
class ProxiedCluster {
 public:
  ProxiedCluster(const std::string& version, bool kraft)
      : first_id_(kraft ? 1 : 0), proxies_(kraft ? 3 : 2) {
    testenv::Options options;
    options.source = version;
    options.source_brokers = static_cast<int>(proxies_.size());
    options.source_settings = {{"offsets.topic.replication.factor", "2"}};
    for (size_t i = 0; i < proxies_.size(); ++i)
      options.advertise[id_of(i)] = to_string(proxies_[i].address());
    environment_.emplace(testenv::Environment::start(options));
    for (const auto& broker : environment_->json()["source"]["brokers"])
      proxy_of(broker["id"]).set_upstream(broker["port"]);
    environment_->workload({{"topics", {{{"name", "t"}, {"partitions", 2}, {"records", 100}}}}});
  }

  testenv::Environment& environment() { return *environment_; }
  int id_of(size_t index) const { return first_id_ + static_cast<int>(index); }
  RecordingProxy& proxy_of(int id) { return proxies_.at(static_cast<size_t>(id - first_id_)); }
  std::vector<RecordingProxy>& proxies() { return proxies_; }
  std::vector<wire::Address> addresses() const {
    std::vector<wire::Address> all;
    for (const RecordingProxy& proxy : proxies_) all.push_back(proxy.address());
    return all;
  }

 private:
  int first_id_;
  std::vector<RecordingProxy> proxies_;
  std::optional<testenv::Environment> environment_;
};

// A client of its own, with its own connections.
struct Client {
  explicit Client(const ProxiedCluster& proxied, const std::string& client_id = kClientId)
      : cluster(connect(proxied, client_id)), coordinators(cluster) {}

  static wire::Cluster connect(const ProxiedCluster& proxied, const std::string& client_id) {
    wire::ClientConfig config;
    config.client_id = client_id;
    auto made = wire::Cluster::connect(proxied.addresses(), config, long_wait());
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(*made);
  }
  Result<std::unique_ptr<GroupSession>> join(const GroupId& group, const SessionConfig& config) {
    return GroupSession::join(coordinators, group, {tp(0), tp(1)}, config, long_wait());
  }

  wire::Cluster cluster;
  Coordinators coordinators;
};

template <class Version>
class GroupSessionOn : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    proxied_ = std::make_unique<ProxiedCluster>(Version::kVersion, Version::kKraft);
  }
  static void TearDownTestSuite() { proxied_.reset(); }

  void SetUp() override {
    for (RecordingProxy& proxy : proxied_->proxies()) {
      proxy.only_client(kClientId);
      proxy.forget();
    }
  }
  // Of its own for each test.
  GroupId group() const {
    return GroupId(testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  static ProxiedCluster& proxied() { return *proxied_; }
  static std::vector<Exchange> exchanges(ApiKey api_key) {
    std::vector<Exchange> all;
    for (const RecordingProxy& proxy : proxied_->proxies())
      for (Exchange& one : proxy.exchanges(api_key)) all.push_back(std::move(one));
    return all;
  }
  // The broker through whose proxy the group was joined.
  static int coordinator() {
    for (size_t i = 0; i < proxied_->proxies().size(); ++i) {
      const int id = proxied_->id_of(i);
      if (!proxied_->proxy_of(id).exchanges(ApiKey::kSyncGroup).empty()) return id;
    }
    throw std::runtime_error("nobody joined");
  }
  static void expect_offset(GroupSession& session, int64_t offset) {
    const auto now = session.fetch({tp(0), tp(1)}, long_wait());
    ASSERT_TRUE(ok(now));
    EXPECT_EQ(*now, (GroupOffsets{{tp(0), {Offset(offset), "note"}}}));
  }

  SessionConfig config_{.session_timeout = Duration(8'000),
                        .heartbeat_interval = Duration(300),
                        .join_timeout = Duration(45'000)};

 private:
  inline static std::unique_ptr<ProxiedCluster> proxied_;
};

TYPED_TEST_SUITE_P(GroupSessionOn);

TYPED_TEST_P(GroupSessionOn, EverythingHappensInItsOrderWithOneMembership) {
  Client client(this->proxied());
  auto session = client.join(this->group(), this->config_);
  ASSERT_TRUE(ok(session));
  GroupSession& held = **session;
  std::this_thread::sleep_for(Duration(1'000));
  ASSERT_TRUE(ok(held.check(long_wait())));
  const auto done = held.commit({{tp(0), Offset(42), "note"}}, {}, long_wait());
  ASSERT_TRUE(ok(done));
  EXPECT_EQ(*done, (CommitResults{{tp(0), 0}}));
  this->expect_offset(held, 42);
  ASSERT_TRUE(ok(held.leave()));

  std::vector<ApiKey> order;
  int heartbeats = 0;
  bool known = false;  // the generation, from the answer to the last JoinGroup
  for (const Exchange& one : this->proxied().proxy_of(this->coordinator()).exchanges()) {
    const ApiKey key = one.request.api_key();
    if (key == ApiKey::kApiVersions) continue;  // 0.9 keeps silent
    EXPECT_TRUE(one.passed_on);
    if (key == ApiKey::kJoinGroup) {
      const auto answer = one.template answer_to<wire::JoinGroupRequest>();
      known = answer.error_code == 0;
      if (known) {
        EXPECT_EQ(answer.generation_id, held.generation());
        EXPECT_EQ(answer.member_id, held.member());
      }
      if (!known) continue;
    } else if (key == ApiKey::kSyncGroup) {
      const auto asked = one.request.template as<wire::SyncGroupRequest>();
      EXPECT_EQ(asked.generation_id, held.generation());
      EXPECT_EQ(asked.member_id, held.member());
    } else if (key == ApiKey::kHeartbeat) {
      const auto asked = one.request.template as<wire::HeartbeatRequest>();
      EXPECT_EQ(asked.generation_id, held.generation());
      EXPECT_EQ(asked.member_id, held.member());
      EXPECT_EQ(one.template answer_to<wire::HeartbeatRequest>().error_code, 0);
      if (++heartbeats > 1) continue;
    } else if (key == ApiKey::kOffsetCommit) {
      const auto asked = one.request.template as<wire::OffsetCommitRequest>();
      EXPECT_EQ(asked.generation_id_or_member_epoch, held.generation());
      EXPECT_EQ(asked.member_id, held.member());
    } else if (key != ApiKey::kLeaveGroup) {
      continue;
    }
    EXPECT_TRUE(known);
    order.push_back(key);
  }
  EXPECT_EQ(order, (std::vector<ApiKey>{ApiKey::kJoinGroup, ApiKey::kSyncGroup, ApiKey::kHeartbeat,
                                        ApiKey::kOffsetCommit, ApiKey::kLeaveGroup}));
  EXPECT_GE(heartbeats, 3);
  const auto states = describe_groups(client.coordinators, {this->group()}, long_wait());
  ASSERT_TRUE(ok(states));
  EXPECT_TRUE(states->at(this->group())->members.empty());
}

TYPED_TEST_P(GroupSessionOn, AnotherSessionThatJoinsIsNamed) {
  Client client(this->proxied());
  auto session = client.join(this->group(), this->config_);
  ASSERT_TRUE(ok(session));
  Client intruder(this->proxied(), "intruder");
  Result<std::unique_ptr<GroupSession>> second;
  std::jthread joining([&] { second = intruder.join(this->group(), this->config_); });
  const Deadline bound = Deadline::after(Duration(7'000));
  Result<> held;
  while ((held = (*session)->check(long_wait())) && !bound.expired())
    std::this_thread::sleep_for(Duration(50));
  EXPECT_TRUE(fails(held, ErrorKind::kRefused, "client 'intruder' on /127.0.0.1"));
  EXPECT_TRUE(fails((*session)->commit({{tp(0), Offset(1), ""}}, {}, long_wait()),
                    ErrorKind::kRefused, "intruder"));
  EXPECT_TRUE(this->exchanges(ApiKey::kOffsetCommit).empty());
  EXPECT_TRUE(ok((*session)->leave()));
  joining.join();
  EXPECT_TRUE(ok(second)) << "we have left, so that it is alone";
}

TYPED_TEST_P(GroupSessionOn, AJavaConsumerThatJoinsIsNamed) {
  Client client(this->proxied());
  auto session = client.join(this->group(), this->config_);
  ASSERT_TRUE(ok(session));
  // It resets to nothing: without offsets it would end at once.
  ASSERT_TRUE(
      ok((*session)->commit({{tp(0), Offset(0), ""}, {tp(1), Offset(0), ""}}, {}, long_wait())));
  auto& environment = this->proxied().environment();
  testenv::ChildProcess consumer(testenv::java_command(
      "ConsumeFrom", environment.jars_dir(),
      {"--bootstrap", to_string(this->proxied().addresses().at(0)), "--group",
       this->group().value(), "--topics", "t", "--property", "client.id=legacy-app", "--consume",
       "1000000", "--idle-ms", "60000", "--timeout-ms", "60000"}));
  const Deadline bound = Deadline::after(Duration(40'000));
  Result<> held;
  while ((held = (*session)->check(long_wait())) && !bound.expired())
    std::this_thread::sleep_for(Duration(100));
  EXPECT_TRUE(fails(held, ErrorKind::kRefused, "client 'legacy-app' on /127.0.0.1"));
  EXPECT_TRUE(ok((*session)->leave()));
  // Who comes while it is there is refused, and leaves it alone.
  const auto second = client.join(this->group(), this->config_);
  EXPECT_TRUE(fails(second, ErrorKind::kRefused, "client 'legacy-app' on /127.0.0.1"));
  EXPECT_FALSE(consumer.wait(0)) << consumer.out() << consumer.err();
}

TYPED_TEST_P(GroupSessionOn, ACommitWhoseAnswerIsLostIsNotRepeated) {
  Client client(this->proxied());
  auto session = client.join(this->group(), this->config_);
  ASSERT_TRUE(ok(session));
  RecordingProxy& proxy = this->proxied().proxy_of(this->coordinator());
  proxy.cut_after(ApiKey::kOffsetCommit);
  const auto done = (*session)->commit({{tp(0), Offset(42), "note"}}, {}, long_wait());
  ASSERT_TRUE(ok(done));
  EXPECT_EQ(*done, (CommitResults{{tp(0), 0}}));
  this->expect_offset(**session, 42);
  const auto commits = this->exchanges(ApiKey::kOffsetCommit);
  ASSERT_EQ(commits.size(), 1U);
  EXPECT_FALSE(commits.at(0).passed_on);
}

TYPED_TEST_P(GroupSessionOn, ACommitThatIsLostIsRepeated) {
  Client client(this->proxied());
  auto session = client.join(this->group(), this->config_);
  ASSERT_TRUE(ok(session));
  this->proxied().proxy_of(this->coordinator()).cut_before(ApiKey::kOffsetCommit);
  const auto done = (*session)->commit({{tp(0), Offset(43), "note"}}, {}, long_wait());
  ASSERT_TRUE(ok(done));
  this->expect_offset(**session, 43);
  EXPECT_EQ(this->exchanges(ApiKey::kOffsetCommit).size(), 2U);
}

TYPED_TEST_P(GroupSessionOn, AJoinWhoseAnswerIsLostLeavesNothingBehind) {
  Client client(this->proxied());
  for (RecordingProxy& proxy : this->proxied().proxies()) proxy.cut_after(ApiKey::kJoinGroup);
  auto session = client.join(this->group(), this->config_);
  ASSERT_TRUE(ok(session));
  ASSERT_TRUE(ok((*session)->check(long_wait())));
  ASSERT_TRUE(ok((*session)->commit({{tp(0), Offset(44), "note"}}, {}, long_wait())));
  this->expect_offset(**session, 44);
  ASSERT_TRUE(ok((*session)->leave()));
  const auto states = describe_groups(client.coordinators, {this->group()}, long_wait());
  ASSERT_TRUE(ok(states));
  EXPECT_TRUE(states->at(this->group())->members.empty());
  // The cut of the other proxies must not meet a later test.
  for (RecordingProxy& proxy : this->proxied().proxies()) proxy.clear_faults();
}

TYPED_TEST_P(GroupSessionOn, ACoordinatorThatMovesIsFollowed) {
  this->config_.session_timeout = Duration(25'000);
  Client client(this->proxied());
  auto session = client.join(this->group(), this->config_);
  ASSERT_TRUE(ok(session));
  GroupSession& held = **session;
  const int before = this->coordinator();
  ASSERT_TRUE(ok(held.commit({{tp(0), Offset(45), "note"}}, {}, long_wait())));
  this->proxied().environment().broker("stop", before);
  EXPECT_TRUE(ok(held.check(long_wait())));
  const auto done = held.commit({{tp(0), Offset(46), "note"}}, {}, long_wait());
  ASSERT_TRUE(ok(done));
  EXPECT_EQ(*done, (CommitResults{{tp(0), 0}}));
  this->expect_offset(held, 46);
  int accepted_by = -1;
  for (size_t i = 0; i < this->proxied().proxies().size(); ++i) {
    const int id = this->proxied().id_of(i);
    for (const Exchange& one : this->proxied().proxy_of(id).exchanges(ApiKey::kOffsetCommit)) {
      const auto asked = one.request.template as<wire::OffsetCommitRequest>();
      EXPECT_EQ(asked.member_id, held.member());
      EXPECT_EQ(asked.generation_id_or_member_epoch, held.generation());
      const bool second =
          asked.topics.at(0).partitions.at(0).committed_offset == Offset(46) && one.passed_on;
      if (second && one.template answer_to<wire::OffsetCommitRequest>()
                            .topics.at(0)
                            .partitions.at(0)
                            .error_code == 0)
        accepted_by = id;
    }
  }
  EXPECT_NE(accepted_by, -1);
  EXPECT_NE(accepted_by, before);
  EXPECT_TRUE(ok(held.leave()));
  this->proxied().environment().broker("start", before);
}

REGISTER_TYPED_TEST_SUITE_P(GroupSessionOn, EverythingHappensInItsOrderWithOneMembership,
                            AnotherSessionThatJoinsIsNamed, AJavaConsumerThatJoinsIsNamed,
                            ACommitWhoseAnswerIsLostIsNotRepeated, ACommitThatIsLostIsRepeated,
                            AJoinWhoseAnswerIsLostLeavesNothingBehind,
                            ACoordinatorThatMovesIsFollowed);

template <size_t N>
struct Text {
  consteval Text(const char (&text)[N]) { std::copy_n(text, N, characters); }
  char characters[N];
};
template <Text kText, bool kIsKraft = false>
struct Kafka {
  static constexpr const char* kVersion = kText.characters;
  static constexpr bool kKraft = kIsKraft;
};

using Kafka0901 = testing::Types<Kafka<"0.9.0.1">>;
using Kafka111 = testing::Types<Kafka<"1.1.1">>;
using Kafka282 = testing::Types<Kafka<"2.8.2">>;
using Kafka391 = testing::Types<Kafka<"3.9.1">>;
using Kafka410 = testing::Types<Kafka<"4.1.0", true>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Kafka0901, GroupSessionOn, Kafka0901);
INSTANTIATE_TYPED_TEST_SUITE_P(Kafka111, GroupSessionOn, Kafka111);
INSTANTIATE_TYPED_TEST_SUITE_P(Kafka282, GroupSessionOn, Kafka282);
INSTANTIATE_TYPED_TEST_SUITE_P(Kafka391, GroupSessionOn, Kafka391);
INSTANTIATE_TYPED_TEST_SUITE_P(Kafka410, GroupSessionOn, Kafka410);

// Before 0.9 there is no group protocol, and no request that says so.
TEST(AncientBroker, IsToldFromItsAnswers) {
  for (const auto& [version, recognised] :
       {std::pair{"0.8.2.2", "0.8.2"}, std::pair{"0.9.0.1", "0.9.0"}}) {
    testenv::Options options;
    options.source = version;
    auto environment = testenv::Environment::start(options);
    environment.workload({{"topics", {{{"name", "t"}, {"records", 10}}}}});
    const auto bootstrap = wire::parse_bootstrap_servers(environment.bootstrap_servers());
    auto cluster = wire::Cluster::connect(*bootstrap, {}, long_wait());
    ASSERT_TRUE(ok(cluster));
    const auto broker = cluster->any_broker(long_wait());
    ASSERT_TRUE(ok(broker));
    EXPECT_EQ((*broker)->version_if_ancient(), recognised);
    const auto metadata = cluster->fetch_metadata(std::nullopt, long_wait());
    ASSERT_TRUE(ok(metadata));
    const auto ranges = wire::fetch_log_ranges(*cluster, *metadata, {tp(0)}, long_wait());
    ASSERT_TRUE(ok(ranges));
    EXPECT_EQ(ranges->at(tp(0)).end, Offset(10));
    if (std::string(version) != "0.8.2.2") continue;
    Coordinators coordinators(*cluster);
    const auto session = GroupSession::join(coordinators, GroupId("g"), {tp(0)}, {}, long_wait());
    ASSERT_TRUE(fails(session, ErrorKind::kFailed, "does not know JoinGroupRequest"));
    EXPECT_EQ(session.error().kafka_code, wire::kUnsupportedVersion);
  }
}

}  // namespace
}  // namespace kferry::groupproto
