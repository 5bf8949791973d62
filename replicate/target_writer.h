// One broker of the target: sends what the Copier has for it, several requests ahead of the
// answers.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "replicate/source_reader.h"

namespace kferry::replicate {

// Runs in a thread of its own.
class TargetWriter {
 public:
  using Connect = std::function<Result<std::unique_ptr<RecordSink>>(const Wait&)>;

  TargetWriter(BrokerId broker, Surroundings surroundings, Connect connect)
      : broker_(broker),
        around_(std::move(surroundings)),
        connect_(std::move(connect)),
        awake_(Deadline::after(kLongestSleep)) {}

  // Until `stop`, or the surroundings' stop: then what is in flight is waited for, but not long.
  void run(const StopToken& stop);

 private:
  // Half of the time after which the group gives a silent member's share to others.
  static constexpr Duration kLongestSleep{5'000};

  struct Sent {
    TopicPartition source;
    TopicPartition target;
  };
  using Request = std::vector<Sent>;

  bool connect(const StopToken& stop);
  Result<> round(const Wait& wait);
  Result<bool> send_some(const Wait& wait);
  Result<> send_batches(std::vector<Copier::Work> work, const Wait& wait);
  Result<> send_gaps(std::vector<Copier::Work> work, const Wait& wait);
  Result<> take_answer(const Wait& wait);
  void lose_connection(const Error& error);
  void drain();
  Result<> wait_for_news(const Wait& wait);

  const BrokerId broker_;
  const Surroundings around_;
  const Connect connect_;
  std::unique_ptr<RecordSink> sink_;
  std::deque<Request> unanswered_;
  Duration pause_{0};  // before the next attempt to connect
  // Renewed all the time: expired, this process did not run for a while, and others may have its
  // share of the partitions.
  Deadline awake_;
};

}  // namespace kferry::replicate
