// The report's file formats.
#pragma once

#include <string>

#include "base/result.h"
#include "verify/report.h"

namespace kferry::verify {

// JSON, keys in a fixed order, two spaces of indentation, one line per partition, a newline at the
// end. Names that are not UTF-8 are written with U+FFFD in place of the broken bytes.
std::string to_json(const DiffReport& report);
// kUsage: not JSON, another schema, or a field of the wrong type; the message names it.
Result<DiffReport> parse_report(const std::string& json);

// `group,topic,partition,offset` for each partition that has an offset in Kafka, or would have one
// if the plan were carried out; no header line. `kafka-consumer-groups.sh --reset-offsets
// --all-groups --from-file F` reads it from Kafka 2.4 on (KIP-379; Kafka: ConsumerGroupCommand
// parseResetPlan, CsvUtils), also with `--group G` for each group wanted. The tool of 0.11 to 2.3
// (KIP-122) knows only topic,partition,offset: cut off the first column and pass one `--group`.
// Names with anything but letters, digits, '.', '_' and '-' are quoted. Kafka's tool splits at
// newlines before it looks at quotes: it rejects a file with a group whose name has one.
std::string to_csv(const DiffReport& report);

// A table for people: one line a partition, at most `max_lines` lines of partitions (those in
// trouble first), then what there is to say of whole groups, counts and a closing sentence that
// says what to do next. Control characters in names are escaped.
std::string to_table(const DiffReport& report, size_t max_lines);

// The same as a self-contained HTML document, for a change ticket: at most `most_lines` partitions,
// and groups.
std::string to_html(const DiffReport& report, size_t most_lines);

// Writes `text` to `path` so that a crash leaves the old file or the new one, never half of one
// (temporary file next to it, fsync, rename, fsync of the folder). Mode 0644 less the umask. A
// symbolic link is followed. A path that exists and is no regular file (/dev/stdout, a pipe) is
// written to as it is. kFailed with the path and the reason (disk full, no such folder).
Result<> write_file_atomically(const std::string& path, const std::string& text);

}  // namespace kferry::verify
