#include "zkoffsets/layout.h"

#include <array>
#include <utility>

namespace kferry::zkoffsets {
namespace {

struct LayoutRow {
  Layout layout;
  std::string_view name;
  Convention convention;
};

// Which number each client writes: FACTS "ZooKeeper layouts". KafkaEx' stream and fetch commit the
// last record instead, which the tree cannot show: that is for the configuration to say.
constexpr std::array kLayouts = {
    LayoutRow{Layout::kHighLevelConsumer, "high-level-consumer", Convention::kNext},
    LayoutRow{Layout::kOffsetCommitV0, "offset-commit-v0", Convention::kNext},
    LayoutRow{Layout::kKafkaNode, "kafka-node", Convention::kNext},
    LayoutRow{Layout::kWvanbergen, "wvanbergen", Convention::kNext},
    LayoutRow{Layout::kFlink, "flink", Convention::kLastProcessed},
    LayoutRow{Layout::kStorm, "storm", Convention::kNext},
    LayoutRow{Layout::kTrident, "trident", Convention::kNext},
    LayoutRow{Layout::kSparkCsv, "spark-csv", Convention::kNext},
    LayoutRow{Layout::kCustom, "custom", Convention::kNext},
    LayoutRow{Layout::kKafka07, "kafka-0.7", Convention::kNext},
};

const LayoutRow& row_of(Layout layout) {
  for (const LayoutRow& row : kLayouts)
    if (row.layout == layout) return row;
  std::unreachable();
}

}  // namespace

std::string_view to_string(Layout layout) {
  return row_of(layout).name;
}

std::optional<Layout> parse_layout(std::string_view text) {
  for (const LayoutRow& row : kLayouts)
    if (row.name == text) return row.layout;
  return std::nullopt;
}

bool is_external(Layout layout) {
  return layout == Layout::kStorm || layout == Layout::kTrident || layout == Layout::kSparkCsv ||
         layout == Layout::kCustom;
}

Convention default_convention(Layout layout) {
  return row_of(layout).convention;
}

}  // namespace kferry::zkoffsets
