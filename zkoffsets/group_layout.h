// Which client keeps a group's offsets, by the traces in its tree. Pure. Private to zkoffsets/.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "zkoffsets/layout.h"

namespace kferry::zkoffsets {

// What was seen under /consumers/<g>.
struct GroupTraces {
  bool has_ids = false;  // the node exists, whether or not a consumer is registered
  bool has_owners = false;
  std::set<Layout> registered{};  // layouts of the registrations that could be read
  size_t registrations = 0;       // all of them
  size_t offsets = 0;             // offset nodes
  size_t kafka07_topics = 0;
};

struct LayoutFinding {
  Layout layout;
  std::string evidence;  // one short clause
};

LayoutFinding detect_layout(const GroupTraces& traces);

}  // namespace kferry::zkoffsets
