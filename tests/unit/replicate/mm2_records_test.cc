// MM2's records, byte by byte. tests/integration/mm2_topics_test.cc has MM2's own classes read them.
#include "replicate/mm2_records.h"

#include <gtest/gtest.h>

#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using namespace std::string_literals;
using test::fails;
using test::ok;

TEST(Mm2Records, Checkpoint) {
  const auto record =
      checkpoint_record({GroupId("g"), {TopicName("s.t"), Partition(7)}, SourceOffset(0x0102),
                         TargetOffset(3), "note"});
  ASSERT_TRUE(ok(record));
  EXPECT_EQ(record->key, "\0\1g\0\3s.t\0\0\0\7"s);
  EXPECT_EQ(record->value, "\0\0\0\0\0\0\0\0\1\2\0\0\0\0\0\0\0\3\0\4note"s);
}

TEST(Mm2Records, Heartbeat) {
  const auto record = heartbeat_record("a", "bc", 0x0123456789abcdef);
  ASSERT_TRUE(ok(record));
  EXPECT_EQ(record->key, "\0\1a\0\2bc"s);
  EXPECT_EQ(record->value, "\0\0\x01\x23\x45\x67\x89\xab\xcd\xef"s);
}

TEST(Mm2Records, OffsetSync) {
  const auto record = offset_sync_record({TopicName("t"), Partition(1)}, SourceOffset(-1),
                                         TargetOffset(256));
  ASSERT_TRUE(ok(record));
  EXPECT_EQ(record->key, "\0\1t\0\0\0\1"s);
  EXPECT_EQ(record->value, "\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\1\0"s);
}

TEST(Mm2Records, WhatDoesNotFitIsAnError) {
  const GroupCheckpoint checkpoint{GroupId("g"), {}, {}, {}, std::string(32'768, 'm')};
  EXPECT_TRUE(fails(checkpoint_record(checkpoint), ErrorKind::kFailed, "32,767"));
  EXPECT_TRUE(fails(heartbeat_record(std::string(40'000, 'a'), "b", 0), ErrorKind::kFailed,
                    "32,767"));
}

TEST(Mm2Records, Names) {
  EXPECT_EQ(checkpoints_topic("eu").value(), "eu.checkpoints.internal");
  EXPECT_EQ(offset_syncs_topic("us").value(), "mm2-offset-syncs.us.internal");
  EXPECT_EQ(heartbeats_topic().value(), "heartbeats");
  EXPECT_EQ(remote_heartbeats_topic("eu").value(), "eu.heartbeats");
}

}  // namespace
}  // namespace kferry::replicate
