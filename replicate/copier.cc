#include "replicate/copier.h"

#include <algorithm>

#include "base/clock.h"

namespace kferry::replicate {
namespace {

// A wait ends in slices, so that a stop request is seen.
constexpr Duration kSlice{100};

// One fetch at least must fit.
constexpr int64_t kRoomForAFetch = 256 * 1024;

template <class Ready>
bool wait_in_slices(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                    const Wait& wait, Ready ready) {
  while (!ready()) {
    if (wait.deadline().expired() || wait.stop().stop_requested()) return false;
    wake.wait_for(lock, std::min(kSlice, wait.deadline().remaining()));
  }
  return true;
}

}  // namespace

void Copier::add(const TopicPartition& source, const wire::Uuid& topic_id,
                 const TopicPartition& target, OffsetsMode mode) {
  const std::lock_guard lock(mutex_);
  auto& entry = entries_[source];
  if (entry) return;
  entry = std::make_unique<Entry>(source, topic_id, target, mode);
  if (expects_others_) entry->copy.expect_other_writers();
}

void Copier::expect_other_writers() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(expects_others_, true)) return;
  for (auto& [source, entry] : entries_) entry->copy.expect_other_writers();
}

void Copier::remove(const TopicPartition& source) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(source);
  if (found == entries_.end()) return;
  readers_[found->second->source_leader].changed.insert(source);
  set_followed(*found->second, false);
  entries_.erase(found);
}

void Copier::set_leaders(const TopicPartition& source, BrokerId source_leader,
                         BrokerId target_leader) {
  const std::lock_guard lock(mutex_);
  Entry* const entry = find(source);
  if (entry == nullptr) return;
  if (entry->source_leader == source_leader && entry->target_leader == target_leader) return;
  if (entry->source_leader != source_leader)
    readers_[entry->source_leader].changed.insert(source);  // the old one forgets it
  const bool target_moved =
      entry->target_leader != target_leader && entry->target_leader.value() >= 0;
  set_followed(*entry, false);
  entry->source_leader = source_leader;
  entry->target_leader = target_leader;
  entry->queued = false;
  if (target_moved && entry->copy.phase() == Phase::kCopying)
    entry->copy.reposition("the partition's leader on the target moved");
  refresh(*entry);
}

Copier::Entry* Copier::find(const TopicPartition& source) {
  const auto found = entries_.find(source);
  return found == entries_.end() ? nullptr : found->second.get();
}

bool Copier::wants_fetch(const Entry& entry) const {
  if (!entry.copy.fetching() || entry.source_leader.value() < 0) return false;
  const int64_t limit = entry.followed ? most_waiting() : most_waiting() / 2;
  return entry.copy.waiting_bytes() < limit;
}

// Tells reader, writer and preparer what has become of a partition.
void Copier::refresh(Entry& entry) {
  Reader& reader = readers_[entry.source_leader];
  const bool fetch = wants_fetch(entry);
  if (fetch != entry.followed || entry.followed_generation != entry.copy.generation()) {
    reader.changed.insert(entry.copy.source());
    reader.wake.notify_one();
  }
  queue(entry);
  if (entry.copy.wants_position()) {
    preparation_due_ = true;
    preparation_.notify_one();
  }
}

void Copier::set_followed(Entry& entry, bool followed) {
  if (entry.followed == followed) return;
  entry.followed = followed;
  size_t& count = readers_[entry.source_leader].followed;
  count = followed ? count + 1 : count - 1;
}

void Copier::queue(Entry& entry) {
  if (entry.queued || entry.target_leader.value() < 0 || !entry.copy.has_waiting()) return;
  entry.queued = true;
  Writer& writer = writers_[entry.target_leader];
  writer.ready.push_back(entry.copy.source());
  if (writer.ready.size() == 1) writer.wake.notify_one();
}

std::vector<Copier::Follow> Copier::take_changes(BrokerId source_leader) {
  const std::lock_guard lock(mutex_);
  Reader& reader = readers_[source_leader];
  std::vector<Follow> changes;
  for (const TopicPartition& source : std::exchange(reader.changed, {})) {
    Entry* const entry = find(source);
    Follow follow{.partition = source, .position = {}};
    if (entry != nullptr && entry->source_leader == source_leader) {
      follow.fetch = wants_fetch(*entry);
      follow.position = {entry->copy.fetch_position(), entry->copy.last_epoch(),
                         entry->copy.topic_id()};
      set_followed(*entry, follow.fetch);
      entry->followed_generation = entry->copy.generation();
    }
    changes.push_back(std::move(follow));
  }
  return changes;
}

void Copier::source_leader_moved(const TopicPartition& source, BrokerId broker) {
  const std::lock_guard lock(mutex_);
  Entry* const entry = find(source);
  if (entry == nullptr || entry->source_leader != broker) return;
  readers_[broker].changed.insert(source);
  set_followed(*entry, false);
  entry->source_leader = BrokerId(-1);
}

void Copier::reader_reconnected(BrokerId source_leader) {
  const std::lock_guard lock(mutex_);
  for (auto& [source, entry] : entries_)
    if (entry->source_leader == source_leader) readers_[source_leader].changed.insert(source);
}

bool Copier::wait_to_fetch(BrokerId source_leader, const Wait& wait) {
  std::unique_lock lock(mutex_);
  Reader& reader = readers_[source_leader];
  return wait_in_slices(lock, reader.wake, wait, [&] {
    return budget_.free() >= kRoomForAFetch && (reader.followed > 0 || !reader.changed.empty());
  });
}

std::optional<Copier::Taking> Copier::begin_taking(const TopicPartition& source,
                                                   BrokerId source_leader) {
  const std::lock_guard lock(mutex_);
  const Entry* const entry = find(source);
  if (entry == nullptr || entry->source_leader != source_leader || !entry->copy.fetching())
    return std::nullopt;
  return Taking{{entry->copy.fetch_position(), entry->copy.last_epoch(), entry->copy.topic_id()},
                entry->copy.generation(),
                entry->copy.identity()};
}

std::vector<std::pair<int64_t, SourceOffset>> Copier::plan_of(const TopicPartition& source,
                                                              const Taking& taking,
                                                              const TakenIn& taken) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(source);
  if (found == entries_.end() || found->second->copy.generation() != taking.generation) return {};
  return found->second->copy.plan_of(taken);
}

bool Copier::finish_taking(const TopicPartition& source, const Taking& taking, TakenIn taken) {
  const std::lock_guard lock(mutex_);
  Entry* const entry = find(source);
  if (entry == nullptr || entry->copy.generation() != taking.generation || !entry->copy.fetching())
    return false;
  entry->copy.accept(std::move(taken));
  refresh(*entry);
  return true;
}

std::vector<Copier::Work> Copier::collect(BrokerId target_leader, size_t most_bytes,
                                          size_t most_partitions) {
  const int64_t now_ms = wall_clock_ms();
  const std::lock_guard lock(mutex_);
  Writer& writer = writers_[target_leader];
  std::vector<Work> batches;
  std::vector<Work> gaps;
  size_t bytes = 0;
  // Each partition that is ready now is looked at once.
  for (size_t left = writer.ready.size(); left > 0 && bytes < most_bytes; --left) {
    if (batches.size() + gaps.size() >= most_partitions) break;
    const TopicPartition source = std::move(writer.ready.front());
    writer.ready.pop_front();
    Entry* const entry = find(source);
    if (entry == nullptr || entry->target_leader != target_leader) continue;
    entry->queued = false;
    const int64_t generation = entry->copy.generation();
    std::vector<CopyItem> items = entry->copy.next_work(now_ms);
    // Not ready after all: an ack will queue it again.
    if (items.empty()) continue;
    for (const CopyItem& item : items) bytes += item.batch.size();
    auto& kind = items.front().is_gap() ? gaps : batches;
    kind.push_back({source, entry->copy.target(), std::move(items), generation});
    refresh(*entry);
  }
  std::ranges::move(gaps, std::back_inserter(batches));
  return batches;
}

std::optional<std::span<char>> Copier::sent(const Work& work, CopyItem item) {
  const std::lock_guard lock(mutex_);
  Entry* const entry = find(work.source);
  if (entry == nullptr) return std::nullopt;
  const CopyItem* const in_flight = entry->copy.sent(std::move(item), work.generation);
  if (in_flight == nullptr) return std::nullopt;
  return in_flight->batch;
}

bool Copier::wait_to_send(BrokerId target_leader, const Wait& wait) {
  std::unique_lock lock(mutex_);
  Writer& writer = writers_[target_leader];
  return wait_in_slices(lock, writer.wake, wait, [&] { return !writer.ready.empty(); });
}

void Copier::on_ack(const TopicPartition& source, const Ack& ack, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  Entry* const entry = find(source);
  if (entry == nullptr) return;
  entry->copy.on_ack(ack, now_ms);
  refresh(*entry);
  Reader& reader = readers_[entry->source_leader];
  reader.wake.notify_one();  // there may be room again
}

void Copier::connection_lost(BrokerId target_leader, const std::string& why) {
  const std::lock_guard lock(mutex_);
  for (auto& [source, entry] : entries_) {
    if (entry->target_leader != target_leader) continue;
    entry->copy.connection_lost(why);
    refresh(*entry);
  }
}

void Copier::wait_for_preparation(const Wait& wait) {
  std::unique_lock lock(mutex_);
  wait_in_slices(lock, preparation_, wait, [&] { return preparation_due_; });
  preparation_due_ = false;
}

std::optional<Translation> Copier::translate(const TopicPartition& source,
                                             SourceOffset offset) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(source);
  if (found == entries_.end()) return std::nullopt;
  return found->second->copy.translate(offset);
}

}  // namespace kferry::replicate
