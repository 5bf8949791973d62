// A partition that begins anew while an answer from further on is under way.
#include "replicate/source_reader.h"

#include <gtest/gtest.h>

#include "tests/support/fake_translator.h"
#include "tests/support/records.h"

namespace kferry::replicate {
namespace {

const TopicPartition kOrders{TopicName("orders"), Partition(0)};
constexpr int kRecords = 5;

PartitionCopy::Start start_at(int64_t offset) {
  return {.position = {SourceOffset(offset), TargetOffset(offset), offset},
          .producer = {7, 0, 0},
          .why_not_identity = {}};
}

// Gives the records from where it was told to fetch when fetch() began.
class SlowSource final : public RecordSource {
 public:
  explicit SlowSource(std::function<void(int)> meanwhile) : meanwhile_(std::move(meanwhile)) {}

  void follow(const TopicPartition&, const FetchPosition& position) override {
    from_ = position.offset;
  }
  void forget(const TopicPartition&) override {}
  Result<Fetched> fetch(int32_t, Duration, const Wait&) override {
    std::vector<test::TestRecord> records;
    for (int i = 0; i < kRecords; ++i) records.push_back({.offset = from_.value() + i});
    meanwhile_(++fetches_);
    Fetched fetched;
    fetched.frame = std::make_unique<std::string>(test::make_batch(records));
    FetchedPartition& answer = fetched.partitions.emplace_back();
    answer.partition = kOrders;
    answer.records = *fetched.frame;
    return fetched;
  }

 private:
  const std::function<void(int)> meanwhile_;
  SourceOffset from_{0};
  int fetches_ = 0;
};

TEST(SourceReader, WhatWasAskedForBeforeItBeganAnewIsDropped) {
  test::FakeStateStore state;
  PlanKeeper plans(state);
  Copier copier(1 << 20);
  RateLimit rate(0);
  Troubles troubles;
  StopToken stop;
  copier.add(kOrders, {}, kOrders, OffsetsMode::kAuto);
  copier.set_leaders(kOrders, BrokerId(1), BrokerId(2));
  copier.visit(kOrders, [](PartitionCopy& copy) { copy.start(start_at(100)); });
  std::vector<SourceOffset> positions;
  const auto meanwhile = [&](int fetch) {
    copier.visit(kOrders, [&](PartitionCopy& copy) {
      positions.push_back(copy.fetch_position());
      if (fetch == 1) copy.start(start_at(95));  // the target had less than was believed
      if (fetch == 3) stop.request_stop();
    });
  };
  SourceReader reader(BrokerId(1), {copier, plans, rate, troubles, stop, [] {}},
                      [&](const Wait&) -> Result<std::unique_ptr<RecordSource>> {
                        return std::make_unique<SlowSource>(meanwhile);
                      });
  reader.run(stop);
  // Not 105: what lies between 95 and 100 would be a hole then.
  EXPECT_EQ(positions,
            (std::vector<SourceOffset>{SourceOffset(100), SourceOffset(95), SourceOffset(100)}));
}

}  // namespace
}  // namespace kferry::replicate
