// The report's file formats.
#pragma once

#include <string>

#include "base/result.h"
#include "verify/report.h"

namespace kferry::verify {

// JSON, keys in a fixed order, two spaces of indentation, a newline at the end. Names that are not
// UTF-8 are written with U+FFFD in place of the broken bytes.
std::string to_json(const DiffReport& report);
// kUsage: not JSON, another schema, or a field of the wrong type; the message names it.
Result<DiffReport> parse_report(const std::string& json);

// `group,topic,partition,offset` for each partition that has an offset to stand in Kafka, as
// `kafka-consumer-groups.sh --reset-offsets --from-file` reads it (Kafka: ConsumerGroupCommand; the
// three-column form topic,partition,offset is for one group only).
std::string to_csv(const DiffReport& report);

// A table for people: one line a partition, at most `max_lines` lines of partitions (those in
// trouble first), then counts and a closing sentence that says what to do next.
std::string to_table(const DiffReport& report, size_t max_lines);

// Writes `text` to `path` so that a crash leaves the old file or the new one, never half of one
// (temporary file, fsync, rename). kFailed with the path and the reason (disk full, no such
// folder).
Result<> write_file_atomically(const std::string& path, const std::string& text);

}  // namespace kferry::verify
