// Small, pure helpers for names and bytes that come out of ZooKeeper. Private to zkoffsets/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kferry::zkoffsets {

// `bytes` for people: one line of printable ASCII, anything else as \xNN, at most `limit`
// characters of which the last three are "..." when something was cut off.
std::string printable(std::string_view bytes, size_t limit);

// A decimal number as ZooKeeper clients name nodes: digits only, no leading zero, 0 to INT32_MAX.
// "07" is not partition 7: two nodes would stand for one partition.
std::optional<int32_t> parse_node_number(std::string_view name);

std::vector<std::string_view> split(std::string_view text, char separator);

// The path of a child; `parent` may be "/".
std::string child_path(std::string_view parent, std::string_view name);

// Whether a name can be that of one znode (so that a group asked for as "a/b" reads no other node).
bool is_node_name(std::string_view name);

}  // namespace kferry::zkoffsets
