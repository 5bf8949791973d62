// One broker of the source: fetches what the Copier wants of it and takes it in.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "replicate/copier.h"
#include "replicate/plan_keeper.h"
#include "replicate/ports.h"
#include "replicate/rate_limit.h"
#include "replicate/troubles.h"

namespace kferry::replicate {

// What readers and writers share. All of it outlives them.
struct Surroundings {
  Copier& copier;
  PlanKeeper& plans;
  RateLimit& rate;
  Troubles& troubles;
  const StopToken& stop;
  // Leaders seem to have moved: look at the metadata soon. Thread-safe.
  std::function<void()> refresh_metadata;
  // Producers of the source whose records are not copied.
  std::vector<int64_t> not_from = {};
};

// Runs in a thread of its own.
class SourceReader {
 public:
  using Connect = std::function<Result<std::unique_ptr<RecordSource>>(const Wait&)>;

  SourceReader(BrokerId broker, Surroundings surroundings, Connect connect)
      : broker_(broker), around_(std::move(surroundings)), connect_(std::move(connect)) {}

  // Until `stop`, or the surroundings' stop: connects, fetches, connects again.
  void run(const StopToken& stop);

 private:
  bool connect(const StopToken& stop);
  Result<> round(const StopToken& stop);
  void take(Fetched fetched, const Wait& wait);
  void take_partition(const FetchedPartition& fetched, const std::shared_ptr<Buffer>& buffer,
                      const Wait& wait);
  bool take_error(const FetchedPartition& fetched);

  const BrokerId broker_;
  const Surroundings around_;
  const Connect connect_;
  void follow(const TopicPartition& partition, const FetchPosition& position);

  std::unique_ptr<RecordSource> source_;
  // From where each partition is fetched. What comes from elsewhere was asked for before the
  // partition began anew, and is dropped: behind its position it would be taken for a hole.
  std::map<TopicPartition, SourceOffset> asked_;
  Duration pause_{0};  // before the next attempt to connect
};

}  // namespace kferry::replicate
