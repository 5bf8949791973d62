#include "replicate/target_writer.h"

#include <algorithm>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "base/test_hook.h"
#include "wire/error_code.h"

namespace kferry::replicate {
namespace {

constexpr size_t kRequestBytes = 1024 * 1024;
// Their answers must fit the socket's buffers: a broker that cannot write an answer does not read
// requests either.
constexpr size_t kRequestPartitions = 500;
constexpr size_t kMostUnanswered = 8;
constexpr Duration kIdle{100};
constexpr Duration kDrainTime{5'000};
// A member that runs again has its next heartbeat's answer by then.
constexpr Duration kUntilNews{3'000};
constexpr Duration kFirstPause{100};
constexpr Duration kLongestPause{5'000};
constexpr size_t kMostDecodedBytes = 64UL * 1024 * 1024;

}  // namespace

void TargetWriter::run(const StopToken& stop) {
  while (!stop.stop_requested() && !around_.stop.stop_requested()) {
    if (!sink_ && !connect(stop)) continue;
    const auto done = round(Wait(Deadline::after(Duration(60'000)), stop));
    if (!done && done.error().kind != ErrorKind::kInterrupted) lose_connection(done.error());
  }
  drain();
}

bool TargetWriter::connect(const StopToken& stop) {
  if (pause_.count() > 0 && !stop.sleep_for(pause_)) return false;
  auto made = connect_(Wait(Deadline::after(Duration(30'000)), stop));
  if (!made) {
    pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
    around_.troubles.set(fmt::format("target broker {}", broker_), made.error().message);
    around_.refresh_metadata();
    return false;
  }
  sink_ = std::move(*made);
  return true;
}

void TargetWriter::lose_connection(const Error& error) {
  sink_.reset();
  unanswered_.clear();
  around_.troubles.set(fmt::format("target broker {}", broker_), error.message);
  around_.copier.connection_lost(broker_, error.message);
  around_.refresh_metadata();
}

// Answers of batches whose partitions are quarantined or gone are taken as well: they come in
// order.
void TargetWriter::drain() {
  const Wait wait = Wait::uninterruptible(kDrainTime);
  while (sink_ && !unanswered_.empty() && !wait.deadline().expired())
    if (!take_answer(wait)) return;
}

Result<> TargetWriter::round(const Wait& wait) {
  while (unanswered_.size() < kMostUnanswered) {
    KFERRY_TRY(const bool sent, send_some(wait));
    if (!sent) break;
  }
  if (!awake_.expired()) awake_ = Deadline::after(kLongestSleep);
  if (unanswered_.empty()) {
    around_.copier.wait_to_send(broker_, wait.at_most(kIdle));
    return {};
  }
  return take_answer(wait);
}

Result<bool> TargetWriter::send_some(const Wait& wait) {
  auto batches = around_.copier.collect(broker_, kRequestBytes, kRequestPartitions);
  if (batches.empty()) return false;
  const auto is_batch = [](const Copier::Work& one) { return !one.items.front().is_gap(); };
  const auto first_gap = std::ranges::stable_partition(batches, is_batch).begin();
  std::vector<Copier::Work> gaps(std::make_move_iterator(first_gap),
                                 std::make_move_iterator(batches.end()));
  batches.erase(first_gap, batches.end());
  KFERRY_CHECK(send_batches(std::move(batches), wait));
  KFERRY_CHECK(send_gaps(std::move(gaps), wait));
  return true;
}

Result<> TargetWriter::send_batches(std::vector<Copier::Work> work, const Wait& wait) {
  Copier& copier = around_.copier;
  Request request;
  std::vector<BatchToSend> batches;
  std::vector<std::shared_ptr<Buffer>> held;  // until it has been sent, whatever becomes of it
  for (Copier::Work& one : work) {
    CopyItem item = std::move(one.items.front());
    if (one.items.size() > 1) {
      one.items.front() = std::move(item);
      auto merged = merge(one.items, copier.budget(), kMostDecodedBytes);
      if (!merged) {
        copier.visit(one.source, [&](PartitionCopy& copy) {
          copy.quarantine(fmt::format("{} of the source cannot be read from offset {} on: {}",
                                      one.source, one.items.front().first, merged.error().message));
        });
        continue;
      }
      item = std::move(*merged);
    }
    held.push_back(item.buffer);
    const auto batch = copier.sent(one, std::move(item));
    if (!batch) continue;
    batches.push_back({one.target, std::string_view(batch->data(), batch->size())});
    request.push_back({one.source, one.target});
  }
  if (request.empty()) return {};
  test_hook("mirror.before_send");
  KFERRY_CHECK(sink_->send(batches, wait));
  unanswered_.push_back(std::move(request));
  test_hook("mirror.after_send");
  return {};
}

// Records that come twice are refused by their sequence numbers; control records are not, wherever
// they end up. So a process that was suspended lets it be told first what is still its own.
Result<> TargetWriter::wait_for_news(const Wait& wait) {
  if (awake_.expired()) wait.stop().sleep_for(kUntilNews);
  KFERRY_CHECK(wait.stop().check("waiting for news of this process's share"));
  awake_ = Deadline::after(kLongestSleep);
  return {};
}

Result<> TargetWriter::send_gaps(std::vector<Copier::Work> work, const Wait& wait) {
  Request request;
  if (!work.empty()) KFERRY_CHECK(wait_for_news(wait));
  std::vector<GapToFill> gaps;
  for (Copier::Work& one : work) {
    const auto count = static_cast<int32_t>(one.items.front().offsets());
    if (!around_.copier.sent(one, std::move(one.items.front()))) continue;
    gaps.push_back({one.target, count});
    request.push_back({one.source, one.target});
  }
  if (request.empty()) return {};
  KFERRY_CHECK(sink_->fill(gaps, wait));
  unanswered_.push_back(std::move(request));
  test_hook("mirror.after_fill");
  return {};
}

Result<> TargetWriter::take_answer(const Wait& wait) {
  KFERRY_TRY(const std::vector<Ack> acks, sink_->take_answer(wait));
  pause_ = Duration(0);
  around_.troubles.clear(fmt::format("target broker {}", broker_));
  std::map<TopicPartition, const Ack*> by_target;
  for (const Ack& ack : acks) by_target[ack.partition] = &ack;
  const int64_t now_ms = wall_clock_ms();
  bool leader_moved = false;
  for (const Sent& sent : unanswered_.front()) {
    const auto found = by_target.find(sent.target);
    const Ack missing{sent.target, wire::kUnknownServerError, {}, "the broker left it out"};
    const Ack& ack = found == by_target.end() ? missing : *found->second;
    leader_moved = leader_moved ||
                   (ack.error_code != wire::kNone && wire::error_row(ack.error_code).retriable);
    around_.copier.on_ack(sent.source, ack, now_ms);
  }
  unanswered_.pop_front();
  if (leader_moved) around_.refresh_metadata();
  return {};
}

}  // namespace kferry::replicate
