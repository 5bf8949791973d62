// Records of the state topic as others may have written them.
#include "replicate/flow_state.h"

#include <gtest/gtest.h>

#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using test::fails;

const TopicPartition kPartition{TopicName("t"), Partition(0)};

LoadedState state_of(const std::string& key, const std::string& value) {
  return LoadedState(LoadedState::Records{{key, value}});
}

TEST(FlowState, IsReadBack) {
  PartitionRecord record;
  record.identity = false;
  record.why_not_identity = "others wrote";
  record.reference = {SourceOffset(5), TargetOffset(3), 2};
  record.others_from = TargetOffset(1);
  record.mixed = MixedRange{SourceOffset(1), SourceOffset(2), TargetOffset(3)};
  const auto read = state_of(partition_key(kPartition), to_json(record)).partition(kPartition);
  ASSERT_TRUE(test::ok(read));
  ASSERT_TRUE(read->has_value());
  EXPECT_EQ(to_json(**read), to_json(record));
}

// None of these is taken for another number.
TEST(FlowState, NumbersThatDoNotFitAreRefused) {
  const std::string key = partition_key(kPartition);
  for (const char* const offset : {"-1", "1e300", "1.5", "18446744073709551615", "\"1\"", "null"}) {
    SCOPED_TRACE(offset);
    const std::string record =
        fmt::format(R"({{"identity":true,"source":{},"target":1,"copied":0}})", offset);
    EXPECT_TRUE(fails(state_of(key, record).partition(kPartition), ErrorKind::kFailed, key));
    const std::string runs = runs_key(kPartition, 0);
    EXPECT_TRUE(fails(state_of(runs, fmt::format("[[0,{}]]", offset)).map(kPartition),
                      ErrorKind::kFailed, runs));
    const std::string plan = plan_key(kPartition);
    EXPECT_TRUE(fails(state_of(plan, fmt::format("[[{},0]]", offset)).plan(kPartition),
                      ErrorKind::kFailed, plan));
  }
  const auto epoch = state_of("flow", R"({"source_cluster_id":"","target_cluster_id":"",)"
                                      R"("producer":[1,32768],"filler":[1,1]})");
  EXPECT_TRUE(fails(epoch.flow(), ErrorKind::kFailed, "flow"));
}

}  // namespace
}  // namespace kferry::replicate
