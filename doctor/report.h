// What `kferry doctor` prints: a table with what to do, or JSON
// (docs/schemas/doctor-report.schema.json).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "doctor/facts.h"
#include "doctor/finding.h"

namespace kferry::doctor {

struct DoctorReport {
  static constexpr std::string_view kSchema = "kferry/doctor-report/v1";

  int64_t generated_at_ms = 0;
  std::string tool_version;
  std::optional<std::string> flow;  // nullopt: it is about the migration alone
  std::string source;               // bootstrap servers
  std::optional<std::string> target;
  std::optional<std::string> zookeeper;
  std::vector<Job> jobs;  // whose rights were checked
  Findings findings;      // the worst first
};

DoctorReport describe(const DoctorFacts& facts, Findings findings);

// By the worst finding: 7 denied, 5 unreachable, 3 attention, 0 otherwise.
int exit_code_of(const DoctorReport& report);

std::string to_json(const DoctorReport& report);
std::string to_table(const DoctorReport& report);

}  // namespace kferry::doctor
