// A target topic that already has records: groups get the exact offset all the same.
#include <fmt/format.h>

#include "groupproto/coordinators.h"
#include "groupproto/group_offsets.h"
#include "tests/integration/mirror_fixture.h"

namespace kferry::mirror {
namespace {

using test::ok;

constexpr int kRecords = 1'000;

std::string group_at(int percent) {
  return fmt::format("translated-{}", percent);
}

// What a consumer of the group reads next; nothing at the end.
std::optional<kafkaio::Record> next_record(const Log& log, int64_t offset) {
  for (const kafkaio::Record& record : log)
    if (record.offset.value() >= offset) return record;
  return std::nullopt;
}

void expect_same_next(const Log& source_log, int64_t source_offset, const Log& target_log,
                      int64_t target_offset) {
  const auto ours = next_record(source_log, source_offset);
  const auto theirs = next_record(target_log, target_offset);
  ASSERT_EQ(ours.has_value(), theirs.has_value()) << source_offset << " -> " << target_offset;
  if (!ours) return;
  EXPECT_EQ(ours->value, theirs->value) << source_offset << " -> " << target_offset;
  EXPECT_EQ(ours->timestamp_ms, theirs->timestamp_ms);
}

// Records with values that are all different, some of them in transactions.
int64_t plant(SourceWriter& source, const std::string& bootstrap_servers,
              const std::string& topic) {
  source.create(topic, 1);
  TransactionWriter writer(bootstrap_servers, topic);
  for (int i = 0; i < 10; ++i) {
    source.append_some(at(topic, 0), {30, 1, 40}, 100'000 + 1'000 * i, wire::Codec::kSnappy);
    writer.begin();
    writer.write(at(topic, 0), recent_records(10, 200'000 + 100 * i));
    i % 3 == 0 ? writer.abort() : writer.commit();
  }
  return source.range_of(at(topic, 0)).end;
}

TEST_F(MirrorOnBrokers, GroupsAreTranslatedExactlyWhereTheTargetHasRecords) {
  const std::string topic = "translated";
  const TopicPartition partition = at(topic, 0);
  const int64_t end = plant(source(), clusters().bootstrap_servers(), topic);
  target().create(topic, 1);
  // Longer values than the source's: none is equal to one of those by chance.
  target().append(partition, recent_records(kRecords, 300'000, 200));
  std::map<int, int64_t> offsets;
  for (const int percent : {0, 10, 50, 90, 99, 100}) {
    offsets[percent] = end * percent / 100;
    source().commit(group_at(percent), partition, offsets[percent]);
  }
  const Json status = mirror_until_caught_up(
      clusters(), flow("translated", topic) + Arguments{"--groups", "translated-.*"});
  EXPECT_EQ(partition_of(status, topic, 0)["identity"], false);
  EXPECT_TRUE(test::has(partition_of(status, topic, 0)["reason"].get<std::string>(),
                        "the target topic has 1000 records already"));

  const Log ours = read_topic(clusters().bootstrap_servers(), topic, 1).at(partition);
  Log theirs = read_topic(clusters().target_bootstrap_servers(), topic, 1).at(partition);
  EXPECT_EQ(theirs.size(), ours.size() + kRecords);
  theirs.erase(theirs.begin(), theirs.begin() + kRecords);
  for (const auto& [percent, offset] : offsets) {
    SCOPED_TRACE(group_at(percent));
    const int64_t there = target().committed(group_at(percent), partition);
    ASSERT_GE(there, kRecords);
    expect_same_next(ours, offset, theirs, there);
  }
  for (size_t i = 0; i < ours.size() && i < theirs.size(); ++i) {
    ASSERT_EQ(ours[i].key, theirs[i].key) << i;
    ASSERT_EQ(ours[i].value, theirs[i].value) << i;
    ASSERT_EQ(ours[i].timestamp_ms, theirs[i].timestamp_ms) << i;
  }
}

// Every offset of a log with gaps: a group at each of them.
TEST_F(MirrorOnBrokers, EveryOffsetOfALogWithGapsIsTranslated) {
  const std::string topic = "translated-gaps";
  const TopicPartition partition = at(topic, 0);
  const int64_t end = plant(source(), clusters().bootstrap_servers(), topic);
  for (int64_t offset = 0; offset <= end; ++offset)
    source().commit(fmt::format("gaps-{}", offset), partition, offset);
  mirror_until_caught_up(
      clusters(), flow("gaps", topic) + Arguments{"--groups", "gaps-.*", "--offsets", "translate"});
  const Log ours = read_topic(clusters().bootstrap_servers(), topic, 1).at(partition);
  const Log theirs = read_topic(clusters().target_bootstrap_servers(), topic, 1).at(partition);
  EXPECT_EQ(theirs.size(), ours.size());
  EXPECT_LT(target().range_of(partition).end, end) << "the gaps are closed";
  std::vector<groupproto::OffsetsQuery> wanted;
  for (int64_t offset = 0; offset <= end; ++offset)
    wanted.push_back({GroupId(fmt::format("gaps-{}", offset)), {partition}});
  groupproto::Coordinators there(target().cluster());
  const auto read = value_of(groupproto::fetch_kafka_offsets(there, wanted, within()));
  for (int64_t offset = 0; offset <= end; ++offset) {
    const auto& offsets = read.at(wanted[static_cast<size_t>(offset)].group);
    ASSERT_TRUE(ok(offsets));
    ASSERT_TRUE(offsets->contains(partition)) << offset;
    expect_same_next(ours, offset, theirs, offsets->at(partition).offset.value());
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace kferry::mirror
