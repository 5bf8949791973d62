#include "replicate/source_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "wire/error_code.h"

namespace kferry::replicate {
namespace {

// A fetch is bounded by what the target has room for, and small enough that several fit.
constexpr int64_t kMostFetchBytes = 4 * 1024 * 1024;
constexpr int64_t kLeastFetchBytes = 64 * 1024;
// How long the broker may wait for something to come. What becomes wanted meanwhile waits too.
constexpr Duration kPatience{250};
constexpr Duration kFirstPause{100};
constexpr Duration kLongestPause{5'000};
constexpr size_t kMostDecodedBytes = 256UL * 1024 * 1024;

}  // namespace

void SourceReader::run(const StopToken& stop) {
  while (!stop.stop_requested() && !around_.stop.stop_requested()) {
    if (!source_ && !connect(stop)) continue;
    if (const auto done = round(stop); !done) {
      if (stop.stop_requested() || done.error().kind == ErrorKind::kInterrupted) return;
      around_.troubles.set(fmt::format("source broker {}", broker_), done.error().message);
      source_.reset();
      around_.refresh_metadata();
    }
  }
}

bool SourceReader::connect(const StopToken& stop) {
  if (pause_.count() > 0 && !stop.sleep_for(pause_)) return false;
  auto made = connect_(Wait(Deadline::after(Duration(30'000)), stop));
  if (!made) {
    pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
    around_.troubles.set(fmt::format("source broker {}", broker_), made.error().message);
    around_.refresh_metadata();
    return false;
  }
  source_ = std::move(*made);
  asked_.clear();
  around_.copier.reader_reconnected(broker_);
  return true;
}

Result<> SourceReader::round(const StopToken& stop) {
  Copier& copier = around_.copier;
  const Wait wait(Deadline::after(Duration(60'000)), stop);
  if (!copier.wait_to_fetch(broker_, wait.at_most(kPatience))) return {};
  for (const Copier::Follow& change : copier.take_changes(broker_)) {
    if (change.fetch)
      follow(change.partition, change.position);
    else
      source_->forget(change.partition);
  }
  if (const Duration delay = around_.rate.delay(); delay.count() > 0) {
    stop.sleep_for(delay);
    return {};
  }
  int64_t most = std::min(kMostFetchBytes, copier.budget().free());
  if (const int64_t limit = around_.rate.get(); limit > 0) most = std::min(most, limit / 4);
  most = std::max(most, kLeastFetchBytes);
  KFERRY_TRY(Fetched fetched, source_->fetch(static_cast<int32_t>(most), kPatience, wait));
  pause_ = Duration(0);
  around_.troubles.clear(fmt::format("source broker {}", broker_));
  take(std::move(fetched), wait);
  return {};
}

void SourceReader::follow(const TopicPartition& partition, const FetchPosition& position) {
  asked_[partition] = position.offset;
  source_->follow(partition, position);
}

void SourceReader::take(Fetched fetched, const Wait& wait) {
  if (!fetched.frame) return;
  around_.rate.spend(fetched.frame->size());
  const auto buffer = std::make_shared<Buffer>(std::move(fetched.frame), around_.copier.budget());
  for (const FetchedPartition& partition : fetched.partitions)
    take_partition(partition, buffer, wait);
}

void SourceReader::take_partition(const FetchedPartition& fetched,
                                  const std::shared_ptr<Buffer>& buffer, const Wait& wait) {
  Copier& copier = around_.copier;
  if (take_error(fetched)) return;
  const auto taking = copier.begin_taking(fetched.partition, broker_);
  if (!taking || asked_[fetched.partition] != taking->position.offset) return;
  copier.visit(fetched.partition, [&](PartitionCopy& copy) {
    copy.note_source(fetched.log_start, fetched.high_watermark);
  });
  if (fetched.records.empty()) return;
  auto taken = take_in(fetched, buffer, taking->position.offset, copier.budget(), kMostDecodedBytes,
                       around_.not_from);
  if (!taken) {
    copier.visit(fetched.partition, [&](PartitionCopy& copy) {
      copy.quarantine(fmt::format("{} of the source cannot be read from offset {} on: {}",
                                  fetched.partition, taking->position.offset,
                                  taken.error().message));
    });
    return;
  }
  const SourceOffset next = taken->next;
  if (next == taking->position.offset) return;
  const int32_t last_epoch =
      taken->last_epoch >= 0 ? taken->last_epoch : taking->position.last_epoch;
  SourcePlan plan;
  if (!taking->identity) {
    plan = copier.plan_of(fetched.partition, *taking, *taken);
    if (const auto kept = around_.plans.extend(fetched.partition, plan, wait); !kept) {
      around_.troubles.set("state", kept.error().message);
      return;  // fetched again
    }
  }
  if (copier.finish_taking(fetched.partition, *taking, std::move(*taken)))
    follow(fetched.partition, {next, last_epoch, taking->position.topic_id});
  else
    around_.plans.withdraw(fetched.partition, plan);
}

// Whether there was one.
bool SourceReader::take_error(const FetchedPartition& fetched) {
  Copier& copier = around_.copier;
  const TopicPartition& partition = fetched.partition;
  if (fetched.diverges_at.value() >= 0 || fetched.error_code == wire::kOffsetOutOfRange ||
      fetched.error_code == wire::kUnknownTopicId) {
    // What has become of the source's log is for the preparer to find out.
    copier.visit(partition, [&](PartitionCopy& copy) {
      copy.doubt_source(fetched.diverges_at.value() >= 0 ? std::optional(fetched.diverges_at)
                                                         : std::nullopt);
    });
    return true;
  }
  if (fetched.error_code == wire::kNone) return false;
  const auto& row = wire::error_row(fetched.error_code);
  if (row.retriable && fetched.error_code != wire::kCorruptMessage) {
    copier.source_leader_moved(partition, broker_);
    around_.refresh_metadata();
    return true;
  }
  copier.visit(partition, [&](PartitionCopy& copy) {
    copy.quarantine(fmt::format("{} cannot be fetched from the source: {} ({})", partition,
                                row.name, row.description));
  });
  return true;
}

}  // namespace kferry::replicate
