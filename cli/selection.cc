#include "cli/selection.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kferry::cli {
namespace {

constexpr const char* kBrokersDoNotList =
    "the brokers do not list the groups that keep offsets in ZooKeeper (--offset-source broker)";

bool is_in(const std::vector<std::string>& teams, const std::optional<std::string>& team) {
  return team && std::ranges::find(teams, *team) != teams.end();
}

// A pattern, or a place that groups are found in, stands for groups that nobody can list.
Result<> check_no_patterns(const std::vector<std::string>& teams, bool everything,
                           const Config& config) {
  for (const auto& [pattern, rule] : config.patterns)
    if (everything || is_in(teams, rule.team))
      return fail(ErrorKind::kUsage,
                  fmt::format("team '{}' has groups by a pattern, '{}': {}",
                              rule.team.value_or("-"), pattern, kBrokersDoNotList),
                  "name the team's groups under `groups`, or pass --group NAME");
  return {};
}

Result<> check_not_external(const std::set<GroupId>& wanted, bool everything,
                            const Config& config) {
  for (const auto& entry : config.external)
    if (everything || wanted.contains(entry.group))
      return fail(ErrorKind::kUsage,
                  fmt::format("group '{}' is kept outside /consumers, at {}: the brokers do not "
                              "read that (--offset-source broker)",
                              entry.group, entry.path),
                  "name other groups with --group, or let kferry read ZooKeeper itself");
  return {};
}

}  // namespace

Result<> check_selection(const SelectionOptions& selection, const Config& config,
                         bool everything_by_default) {
  const bool named = !selection.groups.empty() || !selection.teams.empty();
  if (!named && !selection.all_groups && !everything_by_default)
    return fail(ErrorKind::kUsage, "no group selected",
                "pass --group NAME, --team NAME or --all-groups");
  for (const std::string& team : selection.teams)
    if (std::ranges::find(config.teams, team) == config.teams.end())
      return fail(ErrorKind::kUsage, fmt::format("--team '{}': no such team", team),
                  config.teams.empty()
                      ? "pass --config kferry.yaml with a `teams` section"
                      : fmt::format("the teams are: {}", fmt::join(config.teams, ", ")));
  return {};
}

void apply_selection(const SelectionOptions& selection, migrate::GatherRequest& request) {
  for (const std::string& topic : selection.topics) request.topics.insert(TopicName(topic));
  if (selection.convention)
    for (auto& [group, settings] : request.settings) settings.convention = selection.convention;
}

Result<migrate::GatherRequest> select_named(const SelectionOptions& selection,
                                            const Config& config) {
  const bool everything = selection.groups.empty() && selection.teams.empty();
  KFERRY_CHECK(check_no_patterns(selection.teams, everything, config));
  migrate::GatherRequest request;
  std::set<GroupId> wanted;
  for (const std::string& group : selection.groups) {
    wanted.insert(GroupId(group));
    request.must_exist.insert(GroupId(group));
  }
  for (const auto& [group, rule] : config.groups)
    if (everything || is_in(selection.teams, rule.team)) wanted.insert(group);
  KFERRY_CHECK(check_not_external(wanted, everything, config));
  if (wanted.empty())
    return fail(ErrorKind::kUsage, fmt::format("no group is named: {}", kBrokersDoNotList),
                "pass --group NAME, or name them in --config, under `groups` or `teams`");
  request.scan.groups.emplace(wanted.begin(), wanted.end());
  KFERRY_TRY(request.settings, resolve(config, *request.scan.groups));
  apply_selection(selection, request);
  return request;
}

}  // namespace kferry::cli
