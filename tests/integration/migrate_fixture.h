// What the tests of the whole job share: one environment per source version, the release binary run
// against it, and an independent look at what it did.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafkaio/config.h"
#include "testenv/testenv.h"

namespace kferry::integration {

// "orders-0" -> offset.
using Offsets = std::map<std::string, int64_t>;
// "orders-0" -> "create migrated none>10": verdict, outcome, Kafka's offset before and at the end.
using Rows = std::map<std::string, std::string>;

struct KferryRun {
  testenv::ProcessResult process;
  nlohmann::json report;  // null: none was written
  std::filesystem::path report_file;

  int exit_code() const { return process.exit_code; }
  // For a failure's message.
  std::string text() const;
  const nlohmann::json& group(const std::string& name) const;
  Rows rows(const std::string& group) const;
  // The details of all partitions and of the group, one a line.
  std::string details(const std::string& group) const;
  std::filesystem::path journal() const;
};

// A consumer of librdkafka that is a live member of its group, until it is destroyed.
class LiveMember {
 public:
  // Joins and waits for its assignment. Starts at the committed offsets, else at the beginning.
  LiveMember(const kafkaio::ClientProperties& properties, const std::string& group,
             const std::string& topic, const std::string& client_id = "live-app");
  ~LiveMember();
  LiveMember(const LiveMember&) = delete;
  LiveMember& operator=(const LiveMember&) = delete;

  // The first offset that it gets of each partition of its assignment that has `more` to read.
  Offsets first_offsets(size_t partitions);
  void commit(const Offsets& offsets);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A source cluster of one version, with the topics that all tests use:
//   orders: 4 partitions of 100 records; payments: 3 of 50; clicks: 2 of 200.
class Site {
 public:
  explicit Site(const std::string& version);

  testenv::Environment& environment() { return environment_; }
  kafkaio::ClientProperties properties() const;
  std::filesystem::path file(const std::string& name) const { return folder_ / name; }
  std::vector<std::string> connections() const;

  // Offsets in ZooKeeper, by topic and partition: {"orders": {"0": 10}}.
  void write_zookeeper(const std::string& group, const nlohmann::json& offsets,
                       const std::string& layout = "high-level-consumer");
  void load(const nlohmann::json& spec) { environment_.workload(spec); }

  // A verb with the connections, a report and a journal of its own, and no quiet period, unless
  // `arguments` say otherwise.
  std::vector<std::string> complete(std::vector<std::string> arguments);
  KferryRun run(std::vector<std::string> arguments, const testenv::ProcessOptions& options = {});
  // The same as a child that goes on, and its end.
  testenv::ChildProcess start(const std::vector<std::string>& completed,
                              const std::map<std::string, std::string>& hooks = {});
  static KferryRun finish(testenv::ChildProcess& child, const std::vector<std::string>& completed,
                          int timeout_ms = 60'000);

  // By librdkafka: what Kafka has committed for the group, and who is in it ("client/host").
  Offsets committed(const std::string& group);
  void commit(const std::string& group, const Offsets& offsets);
  std::vector<std::string> members(const std::string& group);
  // ConsumeFrom's lines.
  std::vector<nlohmann::json> consume(const std::string& group, const std::string& topics,
                                      std::vector<std::string> more = {});

 private:
  std::string version_;
  testenv::Environment environment_;
  std::filesystem::path folder_;
  int runs_ = 0;
};

// The environment of a version, started when it is first needed. 3.9.1 stays until the end; of the
// others only one runs at a time.
Site& site_of(const std::string& version);

std::vector<nlohmann::json> json_lines(const std::string& text);
std::string read_text(const std::filesystem::path& path);
void write_text(const std::filesystem::path& path, const std::string& text);
bool wait_for_file(const std::filesystem::path& path, int timeout_ms);

}  // namespace kferry::integration
