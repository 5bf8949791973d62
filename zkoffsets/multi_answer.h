// The answers to multiRead (ZOOKEEPER-3402), node by node. Pure. Private to zkoffsets/.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "zkoffsets/zk_client.h"

namespace kferry::zkoffsets {

// The operation that asks for a node (ZooDefs.OpCode): getData or getChildren.
constexpr int32_t multi_operation(const NodeData&) {
  return 4;
}
constexpr int32_t multi_operation(const NodeChildren&) {
  return 8;
}

// Reads what follows the reply's header: a part for each of `nodes`, in their order. Gives what is
// wrong with it, after which `nodes` are of no use; empty: nothing is. Never takes more memory than
// eight times `answer`.
std::string_view read_multi_answer(std::string_view answer, std::span<NodeData> nodes);
std::string_view read_multi_answer(std::string_view answer, std::span<NodeChildren> nodes);

}  // namespace kferry::zkoffsets
