#include "zkoffsets/external_layout.h"

#include <algorithm>

#include <fmt/format.h>

#include "zkoffsets/path_template.h"
#include "zkoffsets/text.h"

namespace kferry::zkoffsets {
namespace {

Result<> check_custom(const ExternalLayout& entry) {
  using Kind = PathTemplate::Kind;
  KFERRY_TRY(const PathTemplate path, parse_path_template(entry.path));
  const bool has_topic = !entry.topic.value().empty();
  if (path.has(Kind::kTopic) == has_topic)
    return fail(ErrorKind::kUsage,
                has_topic ? "{topic} stands in the path and the topic is given too"
                          : "the topic is neither in the path nor given",
                "give {topic} in the path, or the topic of all its offsets");
  if (entry.group.value().empty() && !path.has(Kind::kGroup))
    return fail(ErrorKind::kUsage, "the group is neither in the path nor given",
                "give {group} in the path, or the group of all its offsets");
  if (path.has(Kind::kGroup) && !entry.group.value().empty() && !is_node_name(entry.group.value()))
    return fail(ErrorKind::kUsage, "no znode can have the group's name", "");
  if (entry.offset_pointer && !is_json_pointer(*entry.offset_pointer))
    return fail(ErrorKind::kUsage,
                fmt::format("'{}' is no JSON pointer", printable(*entry.offset_pointer, 60)),
                "give it as RFC 6901 has it, such as /state/offset");
  return {};
}

}  // namespace

Result<> check_external(const std::vector<ExternalLayout>& external) {
  for (const ExternalLayout& entry : external) {
    const std::string which =
        fmt::format("external offsets of group {} at \"{}\"", entry.group, entry.path);
    if (entry.layout == Layout::kCustom) {
      const Result<> checked = check_custom(entry);
      if (!checked) return std::unexpected(in_context(checked.error(), which));
      continue;
    }
    if (!is_external(entry.layout))
      return fail(ErrorKind::kUsage,
                  fmt::format("{}: the layout {} is not kept outside /consumers", which,
                              to_string(entry.layout)),
                  "give storm, trident, spark-csv or custom");
    if (!entry.path.starts_with('/') || entry.path.ends_with('/') ||
        !std::ranges::all_of(split(std::string_view(entry.path).substr(1), '/'), is_node_name))
      return fail(ErrorKind::kUsage, fmt::format("{}: not the path of a znode", which),
                  "give it from the chroot on: it begins with \"/\" and does not end in one");
    if (entry.layout == Layout::kSparkCsv && entry.topic.value().empty())
      return fail(ErrorKind::kUsage, fmt::format("{}: spark-csv needs the topic", which), "");
  }
  return {};
}

}  // namespace kferry::zkoffsets
