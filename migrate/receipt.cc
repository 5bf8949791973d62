#include "migrate/receipt.h"

#include <charconv>

namespace kferry::migrate {
namespace {

constexpr std::string_view kGroupPrefix = "kferry.receipt.";
constexpr std::string_view kMigrated = "kferry/1 migrated mzxid=";
constexpr std::string_view kWithdrawn = "kferry/1 withdrawn mzxid=";

groupproto::OffsetToCommit make(const TopicPartition& partition, const Receipt& receipt,
                                std::string_view state) {
  return {partition, receipt.offset, fmt::format("{}{}", state, receipt.mzxid)};
}

}  // namespace

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
  const std::string& text = committed.metadata;
  if (!text.starts_with(kMigrated)) return std::nullopt;
  Receipt receipt{committed.offset, 0};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + kMigrated.size(), end, receipt.mzxid);
  if (error != std::errc() || rest != end) return std::nullopt;
  return receipt;
}

Receipts parse_receipts(const groupproto::GroupOffsets& offsets) {
  Receipts receipts;
  for (const auto& [partition, committed] : offsets)
    if (const auto receipt = parse_receipt(committed)) receipts.emplace(partition, *receipt);
  return receipts;
}

}  // namespace kferry::migrate
