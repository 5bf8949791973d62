// All partitions of this process, and the queues between the readers of the source and the writers
// to the target.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "replicate/partition_copy.h"

namespace kferry::replicate {

// Thread-safe. Readers and writers are threads, one for each broker that leads something; each
// partition belongs to the reader of its source leader and the writer of its target leader. One
// lock guards all partitions: under it there is only bookkeeping, never I/O, compression or a
// checksum over a payload.
class Copier final : public OffsetTranslator {
 public:
  explicit Copier(size_t buffer_bytes) : budget_(buffer_bytes) {}

  BufferBudget& budget() { return budget_; }
  int64_t buffered_bytes() const { return budget_.used(); }

  // --- For whoever is in control.
  void add(const TopicPartition& source, const wire::Uuid& topic_id, const TopicPartition& target,
           OffsetsMode mode);
  void remove(const TopicPartition& source);
  // For all partitions, also those that are added later (PartitionCopy::expect_other_writers).
  void expect_other_writers();
  // -1: none known. The partition is fetched and sent once both are.
  void set_leaders(const TopicPartition& source, BrokerId source_leader, BrokerId target_leader);
  // visit(PartitionCopy&) under the lock; false when there is no such partition.
  template <class Visit>
  bool visit(const TopicPartition& source, Visit&& visit) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(source);
    if (found == entries_.end()) return false;
    visit(found->second->copy);
    refresh(*found->second);
    return true;
  }
  // The same, without changing it.
  template <class Visit>
  bool look(const TopicPartition& source, Visit&& visit) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(source);
    if (found == entries_.end()) return false;
    visit(std::as_const(found->second->copy));
    return true;
  }
  // visit(const PartitionCopy&), ordered by topic and partition.
  template <class Visit>
  void visit_all(Visit&& visit) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [source, entry] : entries_) visit(std::as_const(entry->copy));
  }

  // --- For the reader of a source broker.
  struct Follow {
    TopicPartition partition;
    bool fetch = false;  // false: no longer
    FetchPosition position;
  };
  // What has changed since the last call; all that there is after forget_reader().
  std::vector<Follow> take_changes(BrokerId source_leader);
  void reader_reconnected(BrokerId source_leader);
  // Waits until there is room for another fetch and something to fetch.
  bool wait_to_fetch(BrokerId source_leader, const Wait& wait);
  struct Taking {
    FetchPosition position;
    int64_t generation = 0;
    bool identity = true;
  };
  // `broker` does not lead it any more: not fetched before set_leaders().
  void source_leader_moved(const TopicPartition& source, BrokerId broker);
  // What is wanted of a partition now; nullopt: nothing, any more.
  std::optional<Taking> begin_taking(const TopicPartition& source, BrokerId source_leader);
  // The plan to be made durable before finish_taking(); empty: none.
  std::vector<std::pair<int64_t, SourceOffset>> plan_of(const TopicPartition& source,
                                                        const Taking& taking,
                                                        const TakenIn& taken) const;
  // False: it was not wanted any more.
  bool finish_taking(const TopicPartition& source, const Taking& taking, TakenIn taken);

  // --- For the writer to a target broker.
  struct Work {
    TopicPartition source;
    TopicPartition target;
    std::vector<CopyItem> items;  // a gap, a batch, or batches to be merged
    int64_t generation = 0;
  };
  // At most one Work a partition, batches of about `most_bytes` together and `most_partitions`;
  // gaps come by themselves. Empty when nothing can be sent now.
  std::vector<Work> collect(BrokerId target_leader, size_t most_bytes, size_t most_partitions);
  // The item is in flight, stamped; its batch is returned. nullopt: it must not be sent, the
  // partition is gone or begins anew.
  std::optional<std::span<char>> sent(const Work& work, CopyItem item);
  // Waits for something to send.
  bool wait_to_send(BrokerId target_leader, const Wait& wait);
  // In the order of the answers. `source` names the partition; the ack, what its broker said.
  void on_ack(const TopicPartition& source, const Ack& ack, int64_t now_ms);
  void connection_lost(BrokerId target_leader, const std::string& why);

  // --- For the preparer: wakes up when a partition wants a position, or after `wait`.
  void wait_for_preparation(const Wait& wait);

  std::optional<Translation> translate(const TopicPartition& source,
                                       SourceOffset offset) const override;

 private:
  struct Entry {
    Entry(const TopicPartition& source, const wire::Uuid& topic_id, const TopicPartition& target,
          OffsetsMode mode)
        : copy(source, topic_id, target, mode) {}

    PartitionCopy copy;
    BrokerId source_leader{-1};
    BrokerId target_leader{-1};
    bool queued = false;    // in the writer's queue
    bool followed = false;  // fetched, as far as the reader knows
    int64_t followed_generation = -1;
  };
  struct Reader {
    std::condition_variable wake;
    std::set<TopicPartition> changed;
    size_t followed = 0;
  };
  struct Writer {
    std::condition_variable wake;
    std::deque<TopicPartition> ready;
  };

  // `mutex_` is held for all of these.
  void refresh(Entry& entry);
  bool wants_fetch(const Entry& entry) const;
  void queue(Entry& entry);
  void set_followed(Entry& entry, bool followed);
  Entry* find(const TopicPartition& source);

  // A partition with more than that waiting is not fetched until half of it is gone: it must not
  // hold what the others need.
  int64_t most_waiting() const { return std::max<int64_t>(budget_.limit() / 8, 256 * 1024); }

  BufferBudget budget_;
  mutable std::mutex mutex_;  // guards everything below
  std::map<TopicPartition, std::unique_ptr<Entry>> entries_;
  std::map<BrokerId, Reader> readers_;
  std::map<BrokerId, Writer> writers_;
  std::condition_variable preparation_;
  bool preparation_due_ = false;
  bool expects_others_ = false;
};

}  // namespace kferry::replicate
