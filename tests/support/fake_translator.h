// The data plane as the group sync sees it: how far each partition is, and a constant difference.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "replicate/ports.h"

namespace kferry::test {

// Thread-safe.
class FakeTranslator final : public replicate::OffsetTranslator {
 public:
  struct Copy {
    TopicPartition target;
    int64_t copied = 0;     // source offsets before it are on the target
    int64_t shift = 0;      // target offset minus source offset
    int64_t from = 0;       // nothing is known of source offsets before it
  };

  void set(const TopicPartition& source, const Copy& copy) {
    const std::lock_guard lock(mutex_);
    copies_[source] = copy;
  }
  // The same name and offsets, everything before `copied`.
  void set(const TopicPartition& source, int64_t copied) { set(source, {source, copied, 0, 0}); }
  void remove(const TopicPartition& source) {
    const std::lock_guard lock(mutex_);
    copies_.erase(source);
  }
  size_t asked() const { return asked_; }

  std::optional<replicate::Translation> translate(const TopicPartition& source,
                                                  SourceOffset offset) const override {
    const std::lock_guard lock(mutex_);
    ++asked_;
    const auto found = copies_.find(source);
    if (found == copies_.end()) return std::nullopt;
    const Copy& copy = found->second;
    if (offset.value() < copy.from) return std::nullopt;
    const int64_t most = std::min(offset.value(), copy.copied);
    return replicate::Translation{copy.target, TargetOffset(most + copy.shift),
                                  offset.value() <= copy.copied};
  }

 private:
  mutable std::mutex mutex_;
  mutable std::atomic<size_t> asked_ = 0;
  std::map<TopicPartition, Copy> copies_;
};

// Thread-safe.
class FakeStateStore final : public replicate::StateStore {
 public:
  Result<> put(const std::vector<Entry>& entries, const Wait&) override {
    const std::lock_guard lock(mutex_);
    if (failing_) return fail(ErrorKind::kUnreachable, "the state topic is away");
    for (const Entry& entry : entries) {
      ++puts_;
      if (entry.value)
        records_[entry.key] = *entry.value;
      else
        records_.erase(entry.key);
    }
    return {};
  }

  void fail_from_now_on(bool failing) {
    const std::lock_guard lock(mutex_);
    failing_ = failing;
  }
  std::map<std::string, std::string> records() const {
    const std::lock_guard lock(mutex_);
    return records_;
  }
  size_t puts() const {
    const std::lock_guard lock(mutex_);
    return puts_;
  }

 private:
  mutable std::mutex mutex_;
  bool failing_ = false;
  size_t puts_ = 0;
  std::map<std::string, std::string> records_;
};

}  // namespace kferry::test
