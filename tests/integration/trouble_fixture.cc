#include "tests/integration/trouble_fixture.h"

#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "kafkaio/admin.h"

namespace kferry::trouble {

namespace fs = std::filesystem;

Folder::Folder() {
  std::string name = (fs::temp_directory_path() / "kferry-trouble.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Arguments operator+(Arguments left, const Arguments& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Arguments connections(const testenv::Environment& env) {
  return {"--zookeeper", env.zookeeper_connect(), "--bootstrap-server", env.bootstrap_servers()};
}

Arguments quick(const std::vector<std::string>& groups) {
  Arguments arguments = {"--quiet-period", "0s"};
  for (const std::string& group : groups) arguments = arguments + Arguments{"--group", group};
  return arguments;
}

std::string read_text(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(text).str();
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

Json read_json(const std::string& path) {
  Json json = Json::parse(read_text(path), nullptr, false);
  return json.is_discarded() ? Json() : json;
}

Json group_of(const Json& report, const std::string& group) {
  if (!report.is_object()) return {};
  for (const Json& one : report.at("groups"))
    if (one.at("group") == group) return one;
  return {};
}

Json row_of(const Json& report, const std::string& group, const std::string& topic, int partition) {
  const Json found = group_of(report, group);
  if (found.is_null()) return {};
  for (const Json& row : found.at("partitions"))
    if (row.at("topic") == topic && row.at("partition") == partition) return row;
  return {};
}

std::string ending(const Json& report, const std::string& group, const std::string& topic,
                   int partition) {
  const Json row = row_of(report, group, topic, partition);
  if (row.is_null()) return "no row";
  const Json detail = row.value("detail", Json());
  return fmt::format("{}: {}", row.at("outcome").get<std::string>(),
                     detail.is_string() ? detail.get<std::string>() : "");
}

Json normalised(Json report) {
  report.erase("generated_at");
  for (Json& group : report.at("groups")) {
    group.erase("expires_at");
    group.at("evidence").erase("sampled_for_ms");
  }
  return report;
}

Offsets committed(const testenv::Environment& env, const std::string& group,
                  const std::vector<TopicPartition>& partitions) {
  const auto checked = [](auto result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
  };
  const StopToken never;
  auto admin = checked(kafkaio::Admin::connect({.bootstrap_servers = env.bootstrap_servers()}));
  auto read = checked(admin.committed_offsets({{GroupId(group), partitions}},
                                              Wait(Deadline::after(Duration(30'000)), never)));
  Offsets offsets;
  for (const auto& [partition, offset] : checked(std::move(read.at(GroupId(group)))))
    offsets[partition] = offset.value();
  return offsets;
}

std::vector<TopicPartition> partitions_of(const std::string& topic, int n) {
  std::vector<TopicPartition> partitions;
  for (int i = 0; i < n; ++i) partitions.push_back(at(topic, i));
  return partitions;
}

TopicPartition at(const std::string& topic, int partition) {
  return {TopicName(topic), Partition(partition)};
}

testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << '"' << part << "\" is not in: " << text;
}

testing::AssertionResult matches(const std::string& text, const std::string& regex) {
  if (std::regex_search(text, std::regex(regex))) return testing::AssertionSuccess();
  return testing::AssertionFailure() << '"' << regex << "\" does not match: " << text;
}

void with_kazoo(const std::string& connect, const std::string& program) {
  const std::string whole =
      "import sys\n"
      "from kazoo.client import KazooClient\n"
      "from kazoo.security import make_acl, make_digest_acl\n"
      "zk = KazooClient(sys.argv[1])\n"
      "zk.start(20)\n" +
      program + "\nzk.stop()\n";
  const auto done = testenv::run_process({"/usr/bin/python3", "-", connect},
                                         {.standard_input = whole, .timeout_ms = 40'000});
  if (done.exit_code != 0) throw std::runtime_error("kazoo: " + done.err);
}

}  // namespace kferry::trouble
