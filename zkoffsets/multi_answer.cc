#include "zkoffsets/multi_answer.h"

#include <algorithm>

#include "zkoffsets/jute.h"

namespace kferry::zkoffsets {
namespace {

constexpr int32_t kError = -1;  // in the place of an operation: why it failed

// KeeperException.Code
constexpr int32_t kNoNode = -101;
constexpr int32_t kNoAuth = -102;

// Stat: czxid, mzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner, dataLength,
// numChildren, pzxid.
void read_stat(JuteReader& in, NodeData& node) {
  in.skip(8);
  node.version.mzxid = in.number<int64_t>();
  in.skip(8);
  node.version.mtime_ms = in.number<int64_t>();
  node.version.version = in.number<int32_t>();
  in.skip(8);
  node.ephemeral = in.number<int64_t>() != 0;
  in.skip(16);
}

void read_found(JuteReader& in, NodeData& node) {
  node.data = in.text();
  read_stat(in, node);
}

void read_found(JuteReader& in, NodeChildren& node) {
  constexpr size_t kShortestName = 4;  // its length
  node.names.resize(in.count(kShortestName));
  for (std::string& name : node.names) name = in.text();
  std::ranges::sort(node.names);
}

struct MultiHeader {
  int32_t type = 0;
  bool done = false;
};

MultiHeader read_header(JuteReader& in) {
  const auto type = in.number<int32_t>();
  const bool done = in.boolean();
  in.skip(4);  // the error, which stands in the result too
  return {type, done};
}

// One node's part. False: not what was asked for.
template <class Node>
bool read_node(JuteReader& in, Node& node) {
  const MultiHeader header = read_header(in);
  if (header.done) return false;
  if (header.type == multi_operation(node)) {
    node.state = NodeState::kFound;
    read_found(in, node);
    return true;
  }
  const auto code = in.number<int32_t>();
  node.state = code == kNoAuth ? NodeState::kDenied : NodeState::kMissing;
  return header.type == kError && (code == kNoAuth || code == kNoNode);
}

template <class Node>
std::string_view read_nodes(std::string_view answer, std::span<Node> nodes) {
  JuteReader in(answer);
  for (Node& node : nodes)
    if (!read_node(in, node)) return "another answer than was asked for";
  if (!read_header(in).done || in.failed()) return "a cut-off answer";
  return {};
}

}  // namespace

std::string_view read_multi_answer(std::string_view answer, std::span<NodeData> nodes) {
  return read_nodes(answer, nodes);
}

std::string_view read_multi_answer(std::string_view answer, std::span<NodeChildren> nodes) {
  return read_nodes(answer, nodes);
}

}  // namespace kferry::zkoffsets
