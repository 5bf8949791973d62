#include "migrate/receipt.h"

#include <charconv>
#include <limits>

namespace kferry::migrate {
namespace {

constexpr std::string_view kGroupPrefix = "kferry.receipt.";
constexpr std::string_view kMigrated = "kferry/1 migrated ";
constexpr std::string_view kWithdrawn = "kferry/1 withdrawn ";
constexpr std::string_view kVersion = "mzxid=";
constexpr std::string_view kNumber = "zookeeper_offset=";

groupproto::OffsetToCommit make(const TopicPartition& partition, const Receipt& receipt,
                                std::string_view state) {
  return {partition, receipt.offset,
          receipt.zookeeper_offset
              ? fmt::format("{}{}{}", state, kNumber, *receipt.zookeeper_offset)
              : fmt::format("{}{}{}", state, kVersion, receipt.mzxid)};
}

}  // namespace

Receipt receipt_of(const PlannedPartition& planned, Offset offset) {
  const bool has_version = planned.node.mzxid != 0;
  return {offset, planned.node.mzxid, has_version ? std::nullopt : planned.zookeeper_offset};
}

bool is_about(const Receipt& receipt, const zkoffsets::NodeVersion& node,
              std::optional<ZookeeperOffset> offset, zkoffsets::Convention convention) {
  if (receipt.mzxid != 0 && node.mzxid != 0) return receipt.mzxid == node.mzxid;
  if (receipt.zookeeper_offset) return receipt.zookeeper_offset == offset;
  // It noted the version only: an offset that was clamped is not recognised.
  return offset && offset->value() < std::numeric_limits<int64_t>::max() &&
         zkoffsets::to_kafka_offset(*offset, convention) == receipt.offset;
}

GroupId receipt_group(const GroupId& group) {
  return GroupId(fmt::format("{}{}", kGroupPrefix, group));
}

bool is_receipt_group(const GroupId& group) {
  return group.value().starts_with(kGroupPrefix);
}

groupproto::OffsetToCommit make_receipt(const TopicPartition& partition, const Receipt& receipt) {
  return make(partition, receipt, kMigrated);
}

groupproto::OffsetToCommit make_withdrawal(const TopicPartition& partition,
                                           const Receipt& receipt) {
  return make(partition, receipt, kWithdrawn);
}

std::optional<Receipt> parse_receipt(const groupproto::CommittedOffset& committed) {
  std::string_view text = committed.metadata;
  if (!text.starts_with(kMigrated)) return std::nullopt;
  text.remove_prefix(kMigrated.size());
  const std::string_view key = text.starts_with(kVersion) ? kVersion : kNumber;
  if (!text.starts_with(key)) return std::nullopt;
  text.remove_prefix(key.size());
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) return std::nullopt;
  if (key == kVersion) return Receipt{committed.offset, number};
  return Receipt{committed.offset, 0, ZookeeperOffset(number)};
}

Receipts parse_receipts(const groupproto::GroupOffsets& offsets) {
  Receipts receipts;
  for (const auto& [partition, committed] : offsets)
    if (const auto receipt = parse_receipt(committed)) receipts.emplace(partition, *receipt);
  return receipts;
}

}  // namespace kferry::migrate
