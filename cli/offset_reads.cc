#include "cli/offset_reads.h"

namespace kferry::cli {

std::optional<OffsetReads> parse_offset_reads(const std::string& text) {
  if (text == "both") return OffsetReads::kBoth;
  if (text == "zookeeper") return OffsetReads::kZookeeper;
  if (text == "broker") return OffsetReads::kBroker;
  return std::nullopt;
}

}  // namespace kferry::cli
