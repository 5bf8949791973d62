#include "migrate/receipt.h"

#include <charconv>

#include "wire/error_code.h"
#include "wire/messages/offsets.h"

namespace kferry::migrate {
namespace {

constexpr std::string_view kGroupPrefix = "kferry.receipt.";
constexpr std::string_view kMigrated = "kferry/1 migrated mzxid=";
constexpr std::string_view kWithdrawn = "kferry/1 withdrawn mzxid=";
// Ten years. Longer than the old cluster will live; brokers add it to a timestamp, so not "for
// ever".
constexpr Duration kRetention = std::chrono::hours(24 * 3650);

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

Result<> write_receipts(groupproto::Coordinators& coordinators, const GroupId& group,
                        const std::vector<groupproto::OffsetToCommit>& receipts, const Wait& wait) {
  const GroupId target = receipt_group(group);
  const auto once = [&]() -> Result<> {
    KFERRY_TRY(wire::Broker* const broker, coordinators.of(target, wait));
    groupproto::CommitOptions options;
    if (broker->version_of<wire::OffsetCommitRequest>({2, 4})) options.retention = kRetention;
    KFERRY_TRY(const auto results, groupproto::commit_offsets(*broker, {target, Generation(-1), {}},
                                                              receipts, options, wait));
    for (const auto& [partition, code] : results) {
      if (code == wire::kNone) continue;
      if (groupproto::is_coordinator_error(code)) coordinators.forget(target);
      return std::unexpected(wire::kafka_error(
          code, fmt::format("writing the receipt of group '{}', {}", group, partition)));
    }
    return {};
  };
  return with_retry({}, wait.at_most(Duration(15'000)), once, [&](const Error& error) {
    if (error.kind == ErrorKind::kUnreachable) coordinators.forget(target);
    return error.kind == ErrorKind::kUnreachable;
  });
}

}  // namespace kferry::migrate
