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
      : broker_(broker), around_(std::move(surroundings)), connect_(std::move(connect)) {}

  // Until `stop`, or the surroundings' stop: then what is in flight is waited for, but not long.
  void run(const StopToken& stop);

 private:
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

  const BrokerId broker_;
  const Surroundings around_;
  const Connect connect_;
  std::unique_ptr<RecordSink> sink_;
  std::deque<Request> unanswered_;
  Duration pause_{0};  // before the next attempt to connect
};

}  // namespace kferry::replicate
