#include "base/backoff.h"
#include "migrate/receipt.h"
#include "wire/error_code.h"
#include "wire/messages/offsets.h"

namespace kferry::migrate {
namespace {

// Ten years. Longer than the old cluster will live; brokers add it to a timestamp, so not "for
// ever".
constexpr Duration kRetention = std::chrono::hours(24 * 3650);

}  // namespace

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
