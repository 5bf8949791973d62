// What the tests of rights share: a pair of clusters with authorizers, principals of any name, each
// with exactly the rights that it is given.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "doctor/rights.h"
#include "tests/integration/mirror_fixture.h"
#include "tests/integration/trouble_fixture.h"

namespace kferry::rights {

using doctor::Job;
using doctor::Right;
using doctor::Side;
using mirror::Arguments;
using mirror::Json;
using testenv::Environment;
using testenv::ProcessResult;

// A principal that does a job with all that `kferry acls` calls needed, or all of that but one.
struct Case {
  Job job = Job::kScan;
  doctor::RightsScope scope = {};
  std::optional<Right> without = {};
  std::string principal = {};  // without "User:"

  // "source topic READ", "target group of kferry READ": what is missing; "": nothing.
  std::string missing() const;
};

// 3.9.1 in ZooKeeper mode to 4.1.0; everybody but ANONYMOUS, who is let in without a login, needs
// rights.
class RightsOnBrokers : public testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  static Environment& clusters() { return *environment_; }
  static std::string file(const std::string& name) { return *folder_ / name; }
  // Where principals log in.
  static std::string login(Side side);
  // Client properties of a principal.
  static std::string properties(const std::string& principal);

  static std::vector<Right> needed(Job job, const doctor::RightsScope& scope);
  // Waits until the brokers tell of them.
  static void grant(const std::string& principal, const std::vector<Right>& rights);
  // The principal of this case gets its rights, and a name of its own.
  static void grant(Case& one);

  // On the source: 2 partitions of 50 records each.
  static void make_topics(const std::vector<std::string>& topics);
  // 10 and 20.
  static void offsets_in_zookeeper(const std::string& group, const std::string& topic);

  // The arguments that name the clusters, for a principal.
  static Arguments one_cluster(const std::string& principal);
  static Arguments two_clusters(const std::string& principal);

 private:
  inline static std::unique_ptr<Environment> environment_;
  inline static std::unique_ptr<trouble::Folder> folder_;
};

// Literal names.
doctor::RightsScope scope_of(const std::string& flow, const std::vector<std::string>& topics,
                             const std::vector<std::string>& groups);

}  // namespace kferry::rights
