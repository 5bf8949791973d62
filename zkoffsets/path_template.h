// Where a home-made consumer keeps its offsets: a path with placeholders, such as
// /myapp/{group}/offsets/{topic}/{partition}. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/named.h"
#include "base/result.h"

namespace kferry::zkoffsets {

// A placeholder stands for a whole name or a part of one ("part-{partition}"); two of them in one
// name need something between them that is not only digits ("{topic}-{partition}").
struct PathTemplate {
  enum class Kind { kLiteral, kGroup, kTopic, kPartition };
  struct Piece {
    Kind kind = Kind::kLiteral;
    std::string text = {};  // of a literal

    friend bool operator==(const Piece&, const Piece&) = default;
  };
  using Segment = std::vector<Piece>;  // one name; no two literals side by side

  std::vector<Segment> segments;  // from the chroot on; at least one

  bool has(Kind kind) const;
};

// kUsage, with what is wrong: no absolute path, a name that no znode can have, an unknown
// placeholder, one that stands there twice, none for the partition, {group} beside another one in
// the same name.
Result<PathTemplate> parse_path_template(std::string_view path);

// The template of one group: {group} is its name. `group` must be able to be (part of) a znode's
// name.
PathTemplate of_group(const PathTemplate& path, const GroupId& group);

// Whether the segment holds no placeholder; then it is one literal.
bool is_literal(const PathTemplate::Segment& segment);
// For messages: as it was written.
std::string to_string(const PathTemplate::Segment& segment);

// What a znode's name says of the placeholders of a segment.
struct NameMatch {
  std::optional<GroupId> group;
  std::optional<TopicName> topic;
  std::optional<Partition> partition;
};
// nullopt: the name does not fit.
std::optional<NameMatch> match(const PathTemplate::Segment& segment, std::string_view name);

}  // namespace kferry::zkoffsets
