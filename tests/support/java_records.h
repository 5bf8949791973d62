// Batches that the Java client writes, and how it reads ours (tests/java/RecordGolden.java).
#pragma once

#include <string>
#include <vector>

#include "tests/support/records.h"

namespace kferry::test {

// What Java is asked to write.
struct JavaBatch {
  int8_t magic = 2;
  std::string codec = "none";
  int64_t base_offset = 0;
  bool log_append_time = false;
  int64_t append_time = -1;
  std::string marker = {};  // "COMMIT", "ABORT": a control batch; no records then
  bool empty = false;  // as compaction leaves it
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  bool transactional = false;
  int32_t leader_epoch = 3;
  int64_t delete_horizon = -1;
  std::vector<TestRecord> records = {};
};

struct JavaAnswer {
  std::string bytes;       // what it wrote
  nlohmann::json batches;  // how it reads that: for each its header's fields and "records"
};

// One JVM start for all of them. Throw std::runtime_error.
std::vector<JavaAnswer> java_writes(const std::string& kafka_version,
                                    const std::vector<JavaBatch>& batches);
// How Java reads each of these pieces of a log; a string where it refuses.
std::vector<nlohmann::json> java_reads(const std::string& kafka_version,
                                       const std::vector<std::string>& logs);

}  // namespace kferry::test
