#include "doctor/rights_report.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "base/text.h"
#include "base/text_table.h"
#include "verify/json_writer.h"

namespace kferry::doctor {
namespace {

using wire::AclPattern;
using wire::AclResource;

// 'orders', with what a shell would make something of inside.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : escape_control(text))
    out += c == '\'' ? std::string("'\\''") : std::string{c};
  return out + "'";
}

std::string option_of(AclResource resource) {
  switch (resource) {
    case AclResource::kGroup:
      return "--group";
    case AclResource::kCluster:
      return "--cluster";
    case AclResource::kTransactionalId:
      return "--transactional-id";
    default:
      return "--topic";
  }
}

std::string name_of(const Right& right) {
  if (right.resource == AclResource::kCluster) return "";
  return right.name.name + (right.name.pattern == AclPattern::kPrefixed ? "... (prefixed)" : "");
}

std::vector<Right> those(const std::vector<Right>& rights, Side side, bool needed) {
  std::vector<Right> found;
  for (const Right& right : rights)
    if (right.side == side && right.needed == needed) found.push_back(right);
  return found;
}

std::string words_of(const std::vector<Job>& jobs) {
  std::vector<std::string_view> words;
  for (const Job job : jobs) words.push_back(to_string(job));
  return fmt::format("{}", fmt::join(words, ", "));
}

const std::string& servers_of(const RightsReport& report, Side side) {
  return side == Side::kSource ? report.source : report.target;
}

void write(verify::JsonWriter& json, const Right& right) {
  json.begin_line();
  json.field("cluster", to_string(right.side));
  json.field("resource", wire::to_string(right.resource));
  json.field("pattern", wire::to_string(right.name.pattern));
  json.field("name", right.name.name);
  json.field("operation", wire::to_string(right.operation));
  json.field("needed", right.needed);
  json.field("why", right.why);
  json.field("without", right.without);
  json.key("jobs").begin_array();
  for (const Job job : right.jobs) json.value(to_string(job));
  json.end();
  json.end();
}

}  // namespace

std::string acls_operation(wire::AclOperation operation) {
  std::string text;
  bool begins = true;
  for (const char c : wire::to_string(operation)) {
    if (c != '_')
      text += static_cast<char>(begins ? c : std::tolower(static_cast<unsigned char>(c)));
    begins = c == '_';
  }
  return text;
}

std::vector<std::string> acl_commands(const std::vector<Right>& rights,
                                      const std::string& bootstrap_servers,
                                      const std::string& principal) {
  using Resource = std::tuple<AclResource, NamePattern>;
  std::map<Resource, std::set<wire::AclOperation>> operations;
  for (const Right& right : rights)
    operations[{right.resource, right.name}].insert(right.operation);
  using Together = std::tuple<AclResource, AclPattern, std::set<wire::AclOperation>>;
  std::map<Together, std::set<std::string>> names;
  for (const auto& [resource, its_operations] : operations) {
    const auto& [kind, name] = resource;
    names[{kind, name.pattern, its_operations}].insert(name.name);
  }
  std::vector<std::string> commands;
  for (const auto& [together, its_names] : names) {
    const auto& [kind, pattern, its_operations] = together;
    std::string command = fmt::format(
        "kafka-acls.sh --bootstrap-server {} --command-config admin.properties --add "
        "--allow-principal {}",
        bootstrap_servers.empty() ? "HOST:PORT" : bootstrap_servers, quoted(principal));
    for (const auto operation : its_operations)
      command += " --operation " + acls_operation(operation);
    if (kind == AclResource::kCluster) {
      command += " --cluster";
    } else {
      for (const std::string& name : its_names)
        command += fmt::format(" {} {}", option_of(kind), quoted(name));
      if (pattern == AclPattern::kPrefixed) command += " --resource-pattern-type prefixed";
    }
    commands.push_back(std::move(command));
  }
  return commands;
}

std::string to_commands(const RightsReport& report) {
  std::string text;
  for (const Side side : {Side::kSource, Side::kTarget})
    for (const bool needed : {true, false}) {
      const auto commands = acl_commands(those(report.rights, side, needed),
                                         servers_of(report, side), report.principal);
      if (commands.empty()) continue;
      text += fmt::format("# {}: {}\n", to_string(side),
                          needed ? "needed" : "useful, see the table for what happens without");
      for (const std::string& command : commands) text += command + "\n";
    }
  return text;
}

std::string to_table(const RightsReport& report) {
  TextTable table({"CLUSTER", "RESOURCE", "NAME", "OPERATION", "", "FOR",
                   "WHY, AND WHAT HAPPENS "
                   "WITHOUT IT"});
  for (const Right& right : report.rights)
    table.add({std::string(to_string(right.side)), wire::to_string(right.resource), name_of(right),
               wire::to_string(right.operation), right.needed ? "needed" : "useful",
               words_of(right.jobs), fmt::format("{}; otherwise: {}", right.why, right.without)});
  return fmt::format("Rights of {} for: {}\n\n{}\n{}", escape_control(report.principal),
                     words_of(report.jobs), table.render(), to_commands(report));
}

std::string to_json(const RightsReport& report) {
  std::string document;
  verify::JsonWriter json([&](std::string_view piece) { document += piece; });
  json.begin_object();
  json.field("schema", RightsReport::kSchema);
  json.field("tool_version", KFERRY_VERSION);
  json.field("principal", report.principal);
  json.key("jobs").begin_array();
  for (const Job job : report.jobs) json.value(to_string(job));
  json.end();
  json.key("rights").begin_array();
  for (const Right& right : report.rights) write(json, right);
  json.end();
  json.key("commands").begin_array();
  for (const Side side : {Side::kSource, Side::kTarget})
    for (const bool needed : {true, false})
      for (const std::string& command : acl_commands(those(report.rights, side, needed),
                                                     servers_of(report, side), report.principal)) {
        json.begin_line();
        json.field("cluster", to_string(side));
        json.field("needed", needed);
        json.field("command", command);
        json.end();
      }
  json.end();
  json.end();
  json.finish();
  return document;
}

}  // namespace kferry::doctor
