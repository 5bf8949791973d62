#include "tests/integration/migrate_fixture.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kafkaio/admin.h"

namespace kferry::integration {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using nlohmann::json;
using testenv::Environment;

namespace {

constexpr std::string_view kTopics = R"({"topics": [
    {"name": "orders", "partitions": 4, "records": 100},
    {"name": "payments", "partitions": 3, "records": 50},
    {"name": "clicks", "partitions": 2, "records": 200}]})";

std::string number_or_none(const json& value) {
  return value.is_null() ? "none" : std::to_string(value.get<int64_t>());
}

std::string name_of(const json& row) {
  return fmt::format("{}-{}", row["topic"].get<std::string>(), row["partition"].get<int>());
}

bool has(const std::vector<std::string>& arguments, std::string_view option) {
  return std::ranges::find(arguments, option) != arguments.end();
}

std::string value_of(const std::vector<std::string>& arguments, std::string_view option) {
  const auto at = std::ranges::find(arguments, option);
  return at == arguments.end() || at + 1 == arguments.end() ? "" : *(at + 1);
}

KferryRun with_report(testenv::ProcessResult process, const std::vector<std::string>& arguments) {
  KferryRun run{.process = std::move(process), .report = {}, .report_file = {}};
  run.report_file = value_of(arguments, "--report");
  if (!run.report_file.empty() && fs::exists(run.report_file))
    run.report = json::parse(read_text(run.report_file));
  return run;
}

}  // namespace

std::string KferryRun::text() const {
  return fmt::format("exit code {} (signal {})\n{}\n{}", process.exit_code, process.signal,
                     process.out, process.err);
}

const json& KferryRun::group(const std::string& name) const {
  static const json none;
  if (report.is_null()) return none;
  for (const json& group : report["groups"])
    if (group["group"] == name) return group;
  return none;
}

Rows KferryRun::rows(const std::string& name) const {
  Rows rows;
  const json& found = group(name);
  if (found.is_null()) return rows;
  for (const json& row : found["partitions"])
    rows[name_of(row)] = fmt::format(
        "{} {} {}>{}", row["verdict"].get<std::string>(), row["outcome"].get<std::string>(),
        number_or_none(row["kafka_offset_before"]), number_or_none(row["kafka_offset"]));
  return rows;
}

std::string KferryRun::details(const std::string& name) const {
  const json& found = group(name);
  if (found.is_null()) return "";
  std::string details = found["detail"].get<std::string>() + "\n";
  for (const json& row : found["partitions"])
    details += fmt::format("{}: {}\n", name_of(row), row["detail"].get<std::string>());
  return details;
}

fs::path KferryRun::journal() const {
  return report_file.string() + ".journal";
}

Site::Site(const std::string& version)
    : version_(version),
      environment_(Environment::start({.source = version, .chroot = "/kafka"})),
      folder_(environment_.dir() / "kferry-tests") {
  fs::create_directories(folder_);
  environment_.workload(json::parse(kTopics));
}

kafkaio::ClientProperties Site::properties() const {
  kafkaio::ClientProperties properties{.bootstrap_servers = environment_.bootstrap_servers()};
  if (version_.starts_with("0.8") || version_.starts_with("0.9"))
    properties.broker_version_fallback = version_;
  return properties;
}

std::vector<std::string> Site::connections() const {
  return {"--zookeeper", environment_.zookeeper_connect(), "--bootstrap-server",
          environment_.bootstrap_servers()};
}

void Site::write_zookeeper(const std::string& group, const json& offsets,
                           const std::string& layout) {
  load({{"groups", json::array({{{"group", group}, {"layout", layout}, {"offsets", offsets}}})}});
}

std::vector<std::string> Site::complete(std::vector<std::string> arguments) {
  const std::string verb = arguments.at(0);
  const auto add = [&](const std::string& option, const std::string& value) {
    if (!has(arguments, option)) arguments.insert(arguments.end(), {option, value});
  };
  if (!has(arguments, "--config")) {
    const std::vector<std::string> where = connections();
    if (!has(arguments, "broker")) add(where[0], where[1]);  // --offset-source broker
    add(where[2], where[3]);
  }
  if (!has(arguments, "--no-progress")) arguments.emplace_back("--no-progress");
  if (verb == "plan" || verb == "migrate") add("--quiet-period", "0s");
  if (verb != "scan") add("--report", file(fmt::format("report-{}.json", ++runs_)));
  return arguments;
}

KferryRun Site::run(std::vector<std::string> arguments, const testenv::ProcessOptions& options) {
  const std::vector<std::string> completed = complete(std::move(arguments));
  return with_report(testenv::run_kferry(completed, options), completed);
}

testenv::ChildProcess Site::start(const std::vector<std::string>& completed,
                                  const std::map<std::string, std::string>& hooks) {
  std::vector<std::string> argv{testenv::kferry_binary()};
  argv.insert(argv.end(), completed.begin(), completed.end());
  return testenv::ChildProcess(argv, {.environment = hooks});
}

KferryRun Site::finish(testenv::ChildProcess& child, const std::vector<std::string>& completed,
                       int timeout_ms) {
  auto result = child.wait(timeout_ms);
  if (!result) ADD_FAILURE() << "kferry still runs after " << timeout_ms << " ms";
  return with_report(result ? *result : child.kill(), completed);
}

Offsets Site::committed(const std::string& group) {
  std::vector<TopicPartition> partitions;
  for (const auto& [topic, count] :
       std::map<std::string, int>{{"orders", 4}, {"payments", 3}, {"clicks", 2}, {"recreated", 1}})
    for (int partition = 0; partition < count; ++partition)
      partitions.push_back({TopicName(topic), Partition(partition)});
  auto admin = kafkaio::Admin::connect(properties());
  if (!admin) throw std::runtime_error(admin.error().message);
  const StopToken never;
  const auto read =
      admin->committed_offsets({{GroupId(group), partitions}}, Wait(Deadline::after(30s), never));
  if (!read) throw std::runtime_error(read.error().message);
  const auto& of_group = read->at(GroupId(group));
  if (!of_group) throw std::runtime_error(of_group.error().message);
  Offsets offsets;
  for (const auto& [partition, offset] : *of_group)
    offsets[fmt::format("{}", partition)] = offset.value();
  return offsets;
}

std::vector<json> Site::consume(const std::string& group, const std::string& topics,
                                std::vector<std::string> more) {
  std::vector<std::string> arguments{
      "--bootstrap", environment_.bootstrap_servers(), "--group", group, "--topics", topics};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto done = testenv::run_java("ConsumeFrom", environment_.jars_dir(), arguments);
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  return json_lines(done.out);
}

Site& site_of(const std::string& version) {
  static std::map<std::string, std::unique_ptr<Site>> sites;
  if (const auto found = sites.find(version); found != sites.end()) return *found->second;
  std::erase_if(sites, [](const auto& one) { return one.first != "3.9.1"; });
  return *(sites[version] = std::make_unique<Site>(version));
}

std::vector<json> json_lines(const std::string& text) {
  std::vector<json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    if (line.starts_with('{')) lines.push_back(json::parse(line));
  return lines;
}

std::string read_text(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

bool wait_for_file(const fs::path& path, int timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (!fs::exists(path)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

}  // namespace kferry::integration
