#include "zkoffsets/group_layout.h"

#include <fmt/format.h>

namespace kferry::zkoffsets {

LayoutFinding detect_layout(const GroupTraces& traces) {
  if (traces.kafka07_topics > 0 && traces.offsets == 0)
    return {Layout::kKafka07, "offset nodes are named <brokerId>-<partition>"};
  // Two kinds at once: the JVM consumer's tree is what all of them write; the reader tells the
  // group.
  if (traces.registered.size() > 1)
    return {Layout::kHighLevelConsumer, "registrations of different clients"};
  if (traces.registered.size() == 1) {
    const Layout layout = *traces.registered.begin();
    if (layout == Layout::kKafkaNode) return {layout, "a registration in kafka-node's form"};
    if (layout == Layout::kWvanbergen) return {layout, "a registration in wvanbergen/kafka's form"};
    return {layout, "a registration in the JVM consumer's form"};
  }
  if (traces.registrations > 0)
    return {Layout::kHighLevelConsumer, "an ids node with registrations in an unknown form"};
  if (traces.has_ids) return {Layout::kHighLevelConsumer, "an ids node, nobody registered in it"};
  if (traces.has_owners) return {Layout::kHighLevelConsumer, "an owners node, but no ids node"};
  return {Layout::kOffsetCommitV0, "neither an ids nor an owners node"};
}

}  // namespace kferry::zkoffsets
