// What the tests of trouble share: runs of the release binary against one environment, their
// reports, and an independent look at what Kafka has.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/named.h"
#include "testenv/testenv.h"

namespace kferry::trouble {

using Arguments = std::vector<std::string>;
using Json = nlohmann::json;

// A folder of its own, removed at the end.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

Arguments operator+(Arguments left, const Arguments& right);

// The connections of `env`, for every verb.
Arguments connections(const testenv::Environment& env);
// `--group A --group B ...`, with the options that keep a test short.
Arguments quick(const std::vector<std::string>& groups);

std::string read_text(const std::string& path);
void write_text(const std::string& path, const std::string& text);
// Null when there is no such file, or it is no JSON.
Json read_json(const std::string& path);

// The row of a partition in a report or in the output of `scan --format json`; null when absent.
Json row_of(const Json& report, const std::string& group, const std::string& topic, int partition);
Json group_of(const Json& report, const std::string& group);
// "outcome: detail" of a row.
std::string ending(const Json& report, const std::string& group, const std::string& topic,
                   int partition);
// The report without what differs from run to run: times.
Json normalised(Json report);

// The group's offsets in Kafka as librdkafka reads them: shares no code with what is tested.
// Receipts are not included.
using Offsets = std::map<TopicPartition, int64_t>;
Offsets committed(const testenv::Environment& env, const std::string& group,
                  const std::vector<TopicPartition>& partitions);
// Partitions 0 to n-1 of a topic.
std::vector<TopicPartition> partitions_of(const std::string& topic, int n);
TopicPartition at(const std::string& topic, int partition);

// With the whole text when it fails.
testing::AssertionResult contains(const std::string& text, const std::string& part);
testing::AssertionResult matches(const std::string& text, const std::string& regex);

// Runs a Python program with kazoo on Debian's interpreter; `zk` is a started client behind the
// chroot. Throws with what it said when it fails.
void with_kazoo(const std::string& connect, const std::string& program);

}  // namespace kferry::trouble
