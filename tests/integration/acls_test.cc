// With the rights that `kferry acls` calls needed, and no other, each job does its work on clusters
// with authorizers; without any one of them it says what is missing, or does what is documented.
#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/rights_fixture.h"

namespace kferry::rights {
namespace {

using mirror::operator+;
using trouble::at;
using trouble::contains;

struct Ending {
  std::optional<int> exit_code;  // nullopt: it goes on trying, and says so meanwhile
  std::string says;              // on stdout or stderr
  std::string not_a_word_of = {};
};

// By what is missing.
using Endings = std::map<std::string, Ending>;

constexpr const char* kTopicDenied = "TOPIC_AUTHORIZATION_FAILED";
constexpr const char* kGroupDenied = "GROUP_AUTHORIZATION_FAILED";
constexpr int kPatienceMs = 60'000;
constexpr int kUntilItIsSaidMs = 15'000;
constexpr size_t kAtOnce = 4;

// One case with its arguments and what is to come of it.
struct Trial {
  Case what;
  Arguments arguments;
  Ending expected;
};
// One after the other.
using Chain = std::vector<Trial>;

void run(const Trial& trial) {
  SCOPED_TRACE(fmt::format("{} without {}", to_string(trial.what.job), trial.what.missing()));
  testenv::ChildProcess child(Arguments{testenv::kferry_binary().string()} + trial.arguments);
  if (trial.expected.exit_code) {
    const auto ended = child.wait(kPatienceMs);
    EXPECT_EQ(ended ? ended->exit_code : -1, *trial.expected.exit_code)
        << child.out() << child.err();
  } else {
    EXPECT_TRUE(child.wait_for_output(trial.expected.says, kUntilItIsSaidMs));
    EXPECT_FALSE(child.wait(0)) << child.out() << child.err();
  }
  const std::string said = child.out() + child.err();
  EXPECT_TRUE(contains(said, trial.expected.says));
  const std::string& hidden = trial.expected.not_a_word_of;
  EXPECT_TRUE(hidden.empty() || !contains(said, hidden)) << said;
}

void run_at_once(const std::vector<Chain>& chains) {
  std::atomic<size_t> next = 0;
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < kAtOnce; ++i)
    threads.emplace_back([&] {
      for (size_t mine = next++; mine < chains.size(); mine = next++)
        for (const Trial& trial : chains[mine]) run(trial);
    });
}

// The job without each of the rights that it needs, then with all of them.
std::vector<Case> cases_of(Job job, const doctor::RightsScope& scope) {
  std::vector<Case> cases;
  for (const Right& right : doctor::rights_of({job}, scope))
    if (right.needed) cases.push_back({.job = job, .scope = scope, .without = right});
  cases.push_back({.job = job, .scope = scope});
  return cases;
}

}  // namespace

class AclsOnBrokers : public RightsOnBrokers {
 protected:
  using ArgumentsOf = std::function<Arguments(const Case&)>;

  // In the order of the cases; each of `endings` is wanted.
  static Chain chain_of(std::vector<Case> cases, const Endings& endings,
                        const ArgumentsOf& arguments_of) {
    Chain chain;
    std::set<std::string> seen;
    for (Case& one : cases) {
      const auto ending = endings.find(one.missing());
      seen.insert(one.missing());
      if (ending == endings.end()) {
        ADD_FAILURE() << to_string(one.job) << ": nothing is expected without " << one.missing();
        continue;
      }
      grant(one);
      chain.push_back({one, arguments_of(one), ending->second});
    }
    for (const auto& [missing, ending] : endings)
      EXPECT_TRUE(seen.contains(missing)) << "not a right that is needed: " << missing;
    return chain;
  }

  void add(const Chain& chain) { chains_.push_back(chain); }
  void add_each(const Chain& chain) {
    for (const Trial& trial : chain) chains_.push_back({trial});
  }

  // Those that read ZooKeeper and Kafka.
  void add_readers() {
    make_topics({"t-read"});
    offsets_in_zookeeper("g-read", "t-read");
    const auto reader = [&](Job job, const Endings& endings, const Arguments& more) {
      add_each(chain_of(cases_of(job, scope_of("none", {"t-read"}, {"g-read"})), endings,
                        [&](const Case& one) {
                          return Arguments{std::string(to_string(job))} + more +
                                 (job == Job::kHandoff ? two_clusters(one.principal)
                                                       : one_cluster(one.principal));
                        }));
    };
    const std::string topic = "source topic DESCRIBE";
    const std::string group = "source group DESCRIBE";
    const Arguments which{"--group", "g-read"};
    reader(Job::kScan,
           {{"", {0, "40"}}, {topic, {0, "the topic does not exist"}}, {group, {0, "?\n"}}}, which);
    reader(Job::kPlan,
           {{"", {3, "2 pending"}},
            {topic, {4, "does not show it to us"}},
            {group, {4, kGroupDenied}}},
           which + Arguments{"--quiet-period", "0s"});
    reader(Job::kVerify,
           {{"", {3, "2 missing"}}, {topic, {3, kTopicDenied}}, {group, {3, kGroupDenied}}}, which);
    reader(Job::kHandoff,
           {{"", {3, "2 partitions missing in Kafka"}},
            {topic, {3, "does not show it to us"}},
            {group, {3, "Kafka's offset is not known"}}},
           {"--groups", "g-read", "--topics", "t-read", "--zookeeper",
            clusters().zookeeper_connect()});
  }

  void add_doctors() {
    add_each(chain_of(cases_of(Job::kDoctor, scope_of("source->target", {"t-read"}, {"g-read"})),
                      {{"", {0, "Nothing stands in the way"}},
                       {"source topic DESCRIBE", {3, "no topic is selected"}},
                       {"target topic DESCRIBE", {7, "DESCRIBE is missing"}}},
                      [&](const Case& one) {
                        return Arguments{"doctor", "--job", "doctor", "--topics", "t-read"} +
                               two_clusters(one.principal);
                      }));
  }

  // A migration and its way back; they hold the same group.
  void add_migration() {
    make_topics({"t-move"});
    offsets_in_zookeeper("g-move", "t-move");
    mirror::SourceWriter(clusters().bootstrap_servers()).commit("g-move", at("t-move", 0), 5);
    const auto scope = scope_of("none", {"t-move"}, {"g-move"});
    Chain chain = chain_of(
        cases_of(Job::kMigrate, scope),
        {{"source topic READ", {7, "grant READ on the topic"}},
         {"source group READ", {7, "grant READ on the group"}},
         {"", {0, "2 migrated"}}},
        [&](const Case& one) {
          return Arguments{
                     "migrate",        "--execute",
                     "--group",        "g-move",
                     "--quiet-period", "0s",
                     "--journal",      file(one.missing().empty() ? "journal" : one.principal)} +
                 one_cluster(one.principal);
        });
    const Chain back =
        chain_of(cases_of(Job::kRollback, scope),
                 {{"source topic READ", {7, "grant READ on the topic"}},
                  {"source group READ", {7, "grant READ on the group"}},
                  {"source group DELETE", {7, "DELETE to delete offsets"}},
                  {"", {0, "1 restored, 1 deleted"}}},
                 [&](const Case& one) {
                   return Arguments{"rollback", "--execute", "--journal", file("journal")} +
                          one_cluster(one.principal);
                 });
    chain.insert(chain.end(), back.begin(), back.end());
    add(chain);
  }

  // Each a flow of its own, with a prefix and a group.
  void add_mirrors() {
    make_topics({"t-copy"});
    const Endings endings{
        {"", {0, "groups 1/1"}},
        {"source topic READ", {3, "cannot be fetched from the source: TOPIC_AUTHORIZATION_FAILED"}},
        {"source topic DESCRIBE_CONFIGS", {0, "its configs on the source"}},
        {"source group DESCRIBE", {3, kGroupDenied}},
        {"target topic of kferry READ", {std::nullopt, kTopicDenied}},
        {"target topic of kferry WRITE", {7, "grant WRITE on the topic"}},
        {"target topic of kferry CREATE", {7, "grant CREATE on the topics"}},
        {"target group of kferry READ", {7, "grant READ on the group"}},
        {"target topic READ", {3, "to the target: TOPIC_AUTHORIZATION_FAILED"}},
        {"target topic WRITE", {3, "grant WRITE on the topic"}},
        {"target topic CREATE", {std::nullopt, kTopicDenied}},
        {"target topic ALTER_CONFIGS", {std::nullopt, kTopicDenied}},
        {"target group READ", {3, "to the target: GROUP_AUTHORIZATION_FAILED"}}};
    mirror::SourceWriter source(clusters().bootstrap_servers());
    source.trim(at("t-copy", 0), 10);
    std::vector<Case> cases;
    for (size_t i = 0; i < endings.size(); ++i) {
      const std::string name = fmt::format("copy{}", i);
      source.commit(name, at("t-copy", 1), 30);
      auto scope = scope_of(name, {"t-copy"}, {name});
      scope.flow.topic_prefix = name + ".";
      const std::vector<Case> all = cases_of(Job::kReplicate, scope);
      ASSERT_EQ(all.size(), endings.size());
      cases.push_back(all[i]);
    }
    add_each(chain_of(cases, endings, [&](const Case& one) {
      const std::string name = one.scope.flow.name;
      return Arguments{"replicate",
                       "--topics",
                       "t-copy",
                       "--groups",
                       name,
                       "--flow",
                       name,
                       "--prefix",
                       name + ".",
                       "--no-sync-acls",
                       "--until-caught-up",
                       "--no-mm2-topics"} +
             two_clusters(one.principal);
    }));
  }

  void add_proofs() {
    const auto scope = scope_of("over", {"t-over"}, {"g-over"});
    add_each(chain_of(cases_of(Job::kProve, scope),
                      {{"", {0, "2 group offsets, 0 differ"}},
                       {"source topic READ", {7, kTopicDenied}},
                       {"source group DESCRIBE", {7, kGroupDenied}},
                       {"target topic of kferry READ", {7, kTopicDenied}},
                       {"target topic READ", {7, kTopicDenied}},
                       {"target group DESCRIBE", {7, kGroupDenied}}},
                      [&](const Case& one) {
                        return Arguments{"prove", "--report", file(one.principal + ".json")} +
                               kOver + two_clusters(one.principal);
                      }));
  }

  // How the flow is, as long as it is; then its end. What fails before anything has begun comes
  // first, then what the comparison at the end lacks.
  void add_cutover() {
    const auto scope = scope_of("over", {"t-over"}, {"g-over"});
    Chain chain =
        chain_of(cases_of(Job::kStatus, scope),
                 {{"", {0, "flow over: well"}}, {"target topic of kferry READ", {7, kTopicDenied}}},
                 [&](const Case& one) {
                   return Arguments{"status",
                                    "--flow",
                                    "over",
                                    "--target",
                                    login(Side::kTarget),
                                    "--target-config",
                                    properties(one.principal)};
                 });
    std::vector<Case> cases = cases_of(Job::kCutover, scope);
    const auto rehearsed = [](const Case& one) { return one.missing().ends_with("DESCRIBE"); };
    const auto rank = [&](const Case& one) {
      if (one.missing().empty()) return 3;
      return one.missing().contains("of kferry") ? 1 : rehearsed(one) ? 0 : 2;
    };
    std::ranges::stable_sort(cases, {}, rank);
    const Chain moving =
        chain_of(cases,
                 {{"source group DESCRIBE", {3, kGroupDenied}},
                  {"target group DESCRIBE", {3, kGroupDenied}},
                  {"target topic of kferry CREATE", {7, "grant CREATE on the topics"}},
                  {"target topic of kferry READ", {7, kTopicDenied}},
                  {"target topic of kferry WRITE", {7, "CLUSTER_AUTHORIZATION_FAILED"}},
                  {"source topic READ", {7, kTopicDenied}},
                  {"target topic READ", {7, kTopicDenied}},
                  {"", {0, "stopped"}}},
                 [&](const Case& one) {
                   return Arguments{"cutover", "--auto", "--take-over", "--quiet", "1s"} +
                          (rehearsed(one) ? Arguments{"--dry-run"} : Arguments{}) + kOver +
                          two_clusters(one.principal);
                 });
    // A rehearsal watches for 5 s, and the cut-over for longer before anything changes.
    for (const Trial& trial : moving)
      if (rehearsed(trial.what))
        add({trial});
      else
        chain.push_back(trial);
    add(chain);
  }

  void run_all() const { run_at_once(chains_); }

  const Arguments kOver{"--flow", "over", "--topics", "t-over", "--groups", "g-over"};

 private:
  std::vector<Chain> chains_;
};

TEST_F(AclsOnBrokers, EachJobNeedsWhatIsListedAndNoMore) {
  make_topics({"t-over"});
  mirror::SourceWriter source(clusters().bootstrap_servers());
  source.commit("g-over", at("t-over", 0), 7);
  source.commit("g-over", at("t-over", 1), 8);
  // The rights on the source shall not become rights on the target.
  mirror::MirrorProcess process(clusters(), mirror::flow("over", "t-over") +
                                                Arguments{"--groups", "g-over", "--no-sync-acls"});
  ASSERT_TRUE(integration::before_long([] {
    return testenv::run_kferry(
               {"status", "--flow", "over", "--target", clusters().target_bootstrap_servers()})
               .exit_code == 0;
  })) << process.log();
  add_cutover();  // the longest first
  add_proofs();
  add_readers();
  add_doctors();
  ASSERT_NO_FATAL_FAILURE(add_mirrors());
  add_migration();
  run_all();
  EXPECT_EQ(process.finish().exit_code, 0);
}

}  // namespace kferry::rights
