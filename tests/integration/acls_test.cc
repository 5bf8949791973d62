// With the rights that `kferry acls` calls needed, and no other, each job does its work on clusters
// with authorizers; without any one of them it says what is missing.
#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/rights_fixture.h"

namespace kferry::rights {
namespace {

using mirror::operator+;
using trouble::at;

class AclsOnBrokers : public RightsOnBrokers {
 protected:
  static void SetUpTestSuite() {
    RightsOnBrokers::SetUpTestSuite();
    Json spec = {{"topics", Json::array()}, {"groups", Json::array()}};
    for (const std::string name : {"read", "move", "back", "copy", "over"})
      spec["topics"].push_back({{"name", "t-" + name}, {"partitions", 2}, {"records", 50}});
    for (const std::string name : {"read", "move", "back"})
      spec["groups"].push_back(
          {{"group", "g-" + name}, {"offsets", {{"t-" + name, {{"0", 10}, {"1", 20}}}}}});
    clusters().workload(spec);
  }

  static void measure(const std::vector<Case>& cases, const std::vector<ProcessResult>& results) {
    for (size_t i = 0; i < cases.size(); ++i) {
      const auto& r = results[i];
      fmt::print(stderr, "MEASURE {}: exit {}{}\n--out: {}\n--err: {}\n", cases[i].text(),
                 r.exit_code, r.timed_out ? " TIMEOUT" : "", r.out.substr(0, 1500),
                 r.err.substr(0, 1500));
    }
  }
};

TEST_F(AclsOnBrokers, Reading) {
  const auto scope = scope_of("none", {"t-read"}, {"g-read"});
  for (const Job job : {Job::kScan, Job::kPlan, Job::kVerify}) {
    const auto cases = cases_of(job, scope);
    const auto results = run_all(cases, [&](const Case& one) {
      Arguments arguments{std::string(to_string(job)), "--group", "g-read"};
      if (job == Job::kPlan) arguments = arguments + Arguments{"--quiet-period", "0s"};
      return arguments + one_cluster(one.principal);
    });
    measure(cases, results);
  }
  const auto cases = cases_of(Job::kHandoff, scope);
  measure(cases, run_all(cases, [&](const Case& one) {
            return Arguments{"handoff",
                             "--groups",
                             "g-read",
                             "--topics",
                             "t-read",
                             "--zookeeper",
                             clusters().zookeeper_connect()} +
                   two_clusters(one.principal);
          }));
}

TEST_F(AclsOnBrokers, Migrating) {
  auto cases = cases_of(Job::kMigrate, scope_of("none", {"t-move"}, {"g-move"}));
  std::ranges::rotate(cases, cases.begin() + 1);
  measure(cases, run_all(cases, [&](const Case& one) {
            return Arguments{"migrate",       "--execute",      "--group",
                             "g-move",        "--quiet-period", "0s",
                             "--no-receipts", "--journal",      file(one.principal + ".journal")} +
                   one_cluster(one.principal);
          }));
}

}  // namespace
}  // namespace kferry::rights
