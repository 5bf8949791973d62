// How long the group sync takes over 1,000 groups of 100 partitions. Only with KFERRY_SCALE=1.
#include <cstdlib>
#include <iostream>
#include <thread>

#include <gtest/gtest.h>

#include "kafkaio/topic_admin.h"
#include "replicate/cluster_settings.h"
#include "replicate/group_sync.h"
#include "testenv/testenv.h"
#include "tests/support/expectations.h"
#include "tests/support/fake_translator.h"

namespace kferry::replicate {
namespace {

using test::ok;

constexpr int kGroups = 1'000;
constexpr int32_t kPartitions = 100;

Wait within() {
  return Wait::uninterruptible(Duration(120'000));
}

ClusterSettings settings(const char* alias, const std::string& bootstrap) {
  return make_cluster_settings({.alias = alias, .bootstrap_servers = bootstrap}).value();
}

void create_topic(const ClusterSettings& cluster) {
  auto admin = kafkaio::TopicAdmin::connect(cluster.properties);
  ASSERT_TRUE(ok(admin));
  const auto created = admin->create({{TopicName("t"), kPartitions, 1, {}}}, within());
  ASSERT_TRUE(ok(created));
  ASSERT_TRUE(ok(created->at(TopicName("t"))));
}

// Commits `offset` to every partition of every group; again what was refused by a starting broker.
void commit_everywhere(GroupCluster& cluster, int64_t offset) {
  std::vector<GroupCommit> commits;
  for (int i = 0; i < kGroups; ++i) {
    GroupCommit& commit = commits.emplace_back(GroupId(fmt::format("group-{:04}", i)));
    for (int32_t p = 0; p < kPartitions; ++p)
      commit.offsets.push_back({{TopicName("t"), Partition(p)}, Offset(offset), ""});
  }
  for (int attempt = 0; attempt < 50 && !commits.empty(); ++attempt) {
    const auto results = cluster.commit(commits, within());
    std::erase_if(commits, [&](const GroupCommit& one) {
      const auto& result = results.at(one.group);
      return result && std::ranges::all_of(*result, [](const auto& code) {
               return code.second == 0;
             });
    });
  }
  ASSERT_TRUE(commits.empty());
}

TEST(GroupSyncScale, AThousandGroupsOfAHundredPartitions) {
  if (std::getenv("KFERRY_SCALE") == nullptr) GTEST_SKIP() << "KFERRY_SCALE=1 measures";
  const auto environment = testenv::Environment::start({.source = "3.9.1", .target = "4.1.0"});
  FlowSettings flow;
  flow.source = settings("source", environment.bootstrap_servers());
  flow.target = settings("target", environment.target_bootstrap_servers());
  flow.topics.include = flow.groups.include = {std::regex(".*")};
  flow.emit_checkpoints = true;
  create_topic(flow.source);
  create_topic(flow.target);
  GroupCluster source(flow.source);
  commit_everywhere(source, 5);
  test::FakeTranslator translator;
  test::FakeStateStore state;
  Troubles troubles;
  for (int32_t p = 0; p < kPartitions; ++p)
    translator.set({TopicName("t"), Partition(p)}, 1'000'000);

  GroupSync sync({flow, translator, state, troubles, {}, {}});
  StopToken stop;
  const auto all_synced = [&](const char* what) {
    const test::Stopwatch watch;
    for (const Deadline deadline = Deadline::after(Duration(120'000)); !deadline.expired();) {
      if (sync.caught_up() && sync.rounds() > 0) break;
      stop.sleep_for(Duration(10));
    }
    std::cout << what << ": " << watch.elapsed().count() << " ms" << std::endl;
    return sync.caught_up();
  };
  std::jthread thread([&] { sync.run(stop); });
  EXPECT_TRUE(all_synced("all groups are new"));
  commit_everywhere(source, 6);
  const int64_t rounds = sync.rounds();
  while (sync.rounds() == rounds) stop.sleep_for(Duration(10));
  EXPECT_TRUE(all_synced("all offsets have changed, at most"));
  const clock_t cpu = std::clock();
  const int64_t before = sync.rounds();
  const test::Stopwatch watch;
  stop.sleep_for(Duration(20'000));
  std::cout << "nothing changes: " << sync.rounds() - before << " rounds in "
            << watch.elapsed().count() << " ms, " << (std::clock() - cpu) * 1000 / CLOCKS_PER_SEC
            << " ms of CPU" << std::endl;
  int64_t slowest = 0;
  for (const GroupStatus& one : sync.status()) slowest = std::max(slowest, one.latency_ms);
  std::cout << "longest latency of the last change: " << slowest << " ms" << std::endl;
  stop.request_stop();
}

}  // namespace
}  // namespace kferry::replicate
