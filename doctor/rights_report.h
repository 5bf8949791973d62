// What `kferry acls` prints: rights as a table, as JSON (docs/schemas/acls.schema.json) and as
// commands of Kafka's own tool.
#pragma once

#include <string>
#include <vector>

#include "doctor/rights.h"

namespace kferry::doctor {

struct RightsReport {
  static constexpr std::string_view kSchema = "kferry/acls/v1";

  std::vector<Job> jobs;
  std::string principal;  // "User:kferry"
  std::string source;     // bootstrap servers; empty: unknown
  std::string target;
  std::vector<Right> rights;
};

// "DescribeConfigs", as kafka-acls.sh wants it.
std::string acls_operation(wire::AclOperation operation);

// One line for a shell, with no control character in it, for each set of resources that get the
// same operations. `bootstrap_servers`: of the cluster; empty: a placeholder.
std::vector<std::string> acl_commands(const std::vector<Right>& rights,
                                      const std::string& bootstrap_servers,
                                      const std::string& principal);

std::string to_table(const RightsReport& report);
std::string to_json(const RightsReport& report);
// The commands alone, a comment before what is only useful: a script.
std::string to_commands(const RightsReport& report);

}  // namespace kferry::doctor
