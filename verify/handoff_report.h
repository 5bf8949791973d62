// What `kferry handoff` has found: as JSON (docs/schemas/handoff-report.schema.json), and as a
// table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "verify/handoff.h"

namespace kferry::verify {

struct HandoffReport {
  static constexpr std::string_view kSchema = "kferry/handoff-report/v1";

  struct File {
    std::string file;
    std::string verb;
    int64_t generated_at_ms = 0;
    int64_t groups = 0;
  };

  int64_t generated_at_ms = 0;
  std::string tool_version;
  std::string flow;
  std::string source;  // bootstrap servers
  std::string target;
  std::optional<std::string> zookeeper;   // nullopt: it was not looked at
  std::optional<std::string> cluster_id;  // of the source
  bool by_reports = false;
  std::vector<File> reports;
  std::vector<GroupReadiness> groups;
  bool executed = false;  // the mirror was launched with the groups that are ready

  std::vector<GroupId> ready() const;
  std::vector<GroupId> not_ready() const;
};

// 0: every group is ready; 3: some are not, or there is none.
int exit_code_of(const HandoffReport& report);

std::string to_json(const HandoffReport& report);
// Those that are not ready first; at most `max_lines` groups.
std::string to_table(const HandoffReport& report, size_t max_lines);

// The groups that a report says are not ready. kUsage: not JSON, or another document.
Result<std::vector<GroupId>> parse_not_ready(const std::string& json);

}  // namespace kferry::verify
