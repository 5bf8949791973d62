// The people in the story of a move: applications that consume, and producers that never stop.
// They count themselves; kferry is not asked.
#pragma once

#include <atomic>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/named.h"
#include "testenv/testenv.h"

namespace kferry::mirror {

// By partition: the values in the order in which they were written, or consumed.
using Values = std::map<TopicPartition, std::vector<std::string>>;

// What was written to each partition, whatever the cluster. Thread-safe.
class Ledger {
 public:
  void note(const TopicPartition& partition, const std::string& value) {
    const std::lock_guard lock(mutex_);
    values_[partition].push_back(value);
    ++count_;
  }
  Values values() const {
    const std::lock_guard lock(mutex_);
    return values_;
  }
  int64_t count() const { return count_; }

 private:
  mutable std::mutex mutex_;
  Values values_;
  std::atomic<int64_t> count_ = 0;
};

// Notes each record and commits it. Ended, it commits what it has noted and leaves.
class Worker {
 public:
  Worker() = default;
  virtual ~Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
};

// What a consumer without a committed offset does.
enum class Reset { kFail, kEarliest };

// One consumer of a group, by librdkafka.
class Application final : public Worker {
 public:
  Application(const std::string& bootstrap_servers, const std::string& group,
              const std::string& topic, Ledger& consumed, Reset reset = Reset::kFail);
  ~Application() override { stop(); }

  void stop();

 private:
  void run(const std::string& bootstrap_servers, const std::string& group, const std::string& topic,
           Reset reset);

  Ledger& consumed_;
  std::atomic<bool> stopped_ = false;
  std::jthread thread_;
};

// The same by the Java client.
class JavaApplication final : public Worker {
 public:
  JavaApplication(const std::string& bootstrap_servers, const std::string& group,
                  const std::string& topic, Ledger& consumed, Reset reset = Reset::kFail);
  ~JavaApplication() override;

 private:
  void follow();

  Ledger& consumed_;
  std::atomic<bool> ended_ = false;
  testenv::ChildProcess child_;
  std::jthread thread_;  // notes what it prints
};

// A consumer from before the group protocol: it reads all partitions by itself, from the beginning
// on, and keeps its offsets in ZooKeeper.
class LegacyApplication {
 public:
  LegacyApplication(const std::string& bootstrap_servers, const std::string& topic,
                    int32_t partitions, Ledger& consumed);

  // Ends it. What it would commit: the next offset, by partition.
  std::map<int32_t, int64_t> stop();

 private:
  void run(const std::string& bootstrap_servers, const std::string& topic, int32_t partitions);

  Ledger& consumed_;
  std::map<int32_t, int64_t> next_;
  std::atomic<bool> stopped_ = false;
  std::jthread thread_;
};

// Writes numbered records to all partitions of a topic in turn.
class Shop {
 public:
  Shop(const std::string& bootstrap_servers, const std::string& topic, int32_t partitions,
       int records_per_second, Ledger& written);
  ~Shop() { stop(); }
  Shop(const Shop&) = delete;
  Shop& operator=(const Shop&) = delete;

  void stop();
  // A producer must see no error.
  int64_t errors() const { return errors_; }

 private:
  void run(const std::string& bootstrap_servers);

  const std::string topic_;
  const int32_t partitions_;
  const int records_per_second_;
  Ledger& written_;
  std::atomic<bool> stopped_ = false;
  std::atomic<int64_t> errors_ = 0;
  std::jthread thread_;
};

// Every record that was written was consumed exactly once, those of each Shop in the order of their
// partition. (Where two write to one partition of two clusters there is no order between them.)
testing::AssertionResult each_exactly_once(const Values& written, const Values& consumed);

}  // namespace kferry::mirror
