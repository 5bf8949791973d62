// What stands in deploy/ is what this kferry has: options, settings, metrics, HTTP paths.
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

#include "cli/config.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "replicate/http_routes.h"
#include "replicate/metrics.h"
#include "tests/support/expectations.h"
#include "tests/unit/replicate/sample_status.h"

namespace kferry::test {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(fs::path(KFERRY_SOURCE_DIR) / path, std::ios::binary).rdbuf();
  EXPECT_FALSE(text.str().empty()) << path;
  return text.str();
}

std::set<std::string> all_matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at)
    found.insert(at->str());
  return found;
}

// The metrics that the mirror serves.
std::set<std::string> served_metrics() {
  const std::string text = replicate::Metrics(false).text(sample_status());
  std::set<std::string> found;
  for (const std::string& line : all_matches(text, "# TYPE [a-z0-9_]+"))
    found.insert(line.substr(7));
  return found;
}

void expect_served(const std::string& text, const std::string& where) {
  static const std::set<std::string> served = served_metrics();
  const auto named = all_matches(text, "(kferry_[a-z0-9_]+|process_[a-z_]+)");
  EXPECT_GT(named.size(), 5U) << where;
  for (const std::string& metric : named)
    EXPECT_TRUE(served.contains(metric)) << where << ": " << metric;
}

// "kferry handoff --x=y ...": the verb takes all of it.
void expect_runs(const std::vector<std::string>& arguments, const std::string& where) {
  ASSERT_FALSE(arguments.empty()) << where;
  for (const cli::Verb& verb : cli::verbs())
    if (verb.name == arguments.front()) {
      EXPECT_TRUE(ok(cli::parse({arguments.begin() + 1, arguments.end()}, verb.options())))
          << where;
      return;
    }
  ADD_FAILURE() << where << ": no verb " << arguments.front();
}

std::vector<YAML::Node> manifests() {
  std::vector<YAML::Node> all;
  for (const auto& entry :
       fs::directory_iterator(fs::path(KFERRY_SOURCE_DIR) / "deploy/kubernetes"))
    for (YAML::Node& document : YAML::LoadAll(read(entry.path()))) all.push_back(document);
  EXPECT_GT(all.size(), 6U);
  return all;
}

std::string name_of(const YAML::Node& manifest) {
  return manifest["kind"].as<std::string>() + " " + manifest["metadata"]["name"].as<std::string>();
}

// Of what a manifest runs, the containers of kferry's image.
std::vector<YAML::Node> kferry_containers(const YAML::Node& manifest) {
  std::vector<YAML::Node> found;
  if (!manifest["spec"] || !manifest["spec"]["template"]) return found;
  const YAML::Node pod = manifest["spec"]["template"]["spec"];
  for (const char* const list : {"initContainers", "containers"})
    for (const YAML::Node& container : pod[list])
      if (container["image"].as<std::string>().starts_with("kferry:")) found.push_back(container);
  return found;
}

TEST(Deploy, RulesAndDashboardNameMetricsThatThereAre) {
  const std::string rules = read("deploy/prometheus/kferry.rules.yaml");
  expect_served(rules, "rules");
  const YAML::Node loaded = YAML::Load(rules);
  for (const YAML::Node& rule : loaded["groups"][0]["rules"]) {
    EXPECT_TRUE(rule["alert"] && rule["expr"] && rule["labels"]["severity"]) << rule;
    EXPECT_TRUE(rule["annotations"]["summary"] && rule["annotations"]["description"]) << rule;
  }
  const std::string dashboard = read("deploy/grafana/kferry.json");
  expect_served(dashboard, "dashboard");
  std::set<int> ids;
  const auto parsed = nlohmann::json::parse(dashboard);
  for (const auto& panel : parsed["panels"]) {
    EXPECT_TRUE(ids.insert(panel["id"].get<int>()).second) << panel["title"];
    for (const auto& target : panel["targets"])
      EXPECT_TRUE(has(target["expr"].get<std::string>(), "kferry_")) << panel["title"];
  }
}

TEST(Deploy, ManifestsRunVerbsWithOptionsThatThereAre) {
  int containers = 0;
  for (const YAML::Node& manifest : manifests())
    for (const YAML::Node& container : kferry_containers(manifest)) {
      ++containers;
      const std::string where = name_of(manifest);
      expect_runs(container["args"].as<std::vector<std::string>>(), where);
      EXPECT_TRUE(container["resources"]["requests"] && container["resources"]["limits"]) << where;
      EXPECT_FALSE(container["env"]) << where << ": secrets come as files";
    }
  EXPECT_EQ(containers, 4);
}

TEST(Deploy, TheManifestsConfigurationIsOneThatKferryReads) {
  const fs::path file = fs::path(::testing::TempDir()) / "kferry-deploy-test.yaml";
  std::set<std::string> teams;
  std::set<std::string> flows;
  for (const YAML::Node& manifest : manifests()) {
    if (manifest["kind"].as<std::string>() != "ConfigMap") continue;
    std::ofstream(file) << manifest["data"]["kferry.yaml"].as<std::string>();
    const auto config = cli::read_config(file.string());
    ASSERT_TRUE(ok(config));
    teams.insert(config->teams.begin(), config->teams.end());
    for (const auto& [name, unused] : config->flows) flows.insert(name);
  }
  fs::remove(file);
  for (const YAML::Node& manifest : manifests())
    for (const YAML::Node& container : kferry_containers(manifest))
      for (const auto& argument : container["args"].as<std::vector<std::string>>()) {
        const std::string value = argument.substr(argument.find('=') + 1);
        EXPECT_TRUE(!argument.starts_with("--team=") || teams.contains(value)) << argument;
        EXPECT_TRUE(!argument.starts_with("--flow=") || flows.contains(value)) << argument;
      }
}

// The paths, of the mirror's own table.
class NoMirror final : public replicate::StatusSource, public replicate::Controls {
 public:
  replicate::FlowStatus status() const override { return {}; }
  void set_max_bytes_per_second(int64_t) override {}
};

TEST(Deploy, ProbesAskWhereTheMirrorAnswers) {
  NoMirror none;
  std::set<std::string> paths;
  for (const auto& route : replicate::operation_routes(none, none, false)) paths.insert(route.path);
  int probes = 0;
  for (const YAML::Node& manifest : manifests())
    for (const YAML::Node& container : kferry_containers(manifest))
      for (const char* const probe : {"startupProbe", "livenessProbe", "readinessProbe"}) {
        if (!container[probe]) continue;
        ++probes;
        EXPECT_TRUE(paths.contains(container[probe]["httpGet"]["path"].as<std::string>()));
        const auto port = container["ports"][0]["containerPort"].as<std::string>();
        const auto arguments = container["args"].as<std::vector<std::string>>();
        EXPECT_EQ(std::ranges::count(arguments, "--listen=0.0.0.0:" + port), 1);
      }
  EXPECT_EQ(probes, 3);
}

TEST(Deploy, TheUnitStartsAVerbWithOptionsThatThereAre) {
  std::string unit = read("deploy/systemd/kferry-mirror@.service");
  unit = std::regex_replace(unit, std::regex("\\\\\n"), " ");
  std::smatch line;
  ASSERT_TRUE(std::regex_search(unit, line, std::regex("\nExecStart=/usr/bin/kferry (.*)\n")));
  std::istringstream words(line[1].str());
  expect_runs({std::istream_iterator<std::string>(words), {}}, "unit");
}

}  // namespace
}  // namespace kferry::test
