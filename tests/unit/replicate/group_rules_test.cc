// The decision for one partition of one group, row by row, and the records it needs.
#include "replicate/group_rules.h"

#include <gtest/gtest.h>

#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using groupproto::CommittedOffset;
using test::fails;
using test::ok;
using enum GroupVerdict;

const TopicPartition kTarget{TopicName("t"), Partition(3)};

std::optional<Translation> complete(int64_t offset) {
  return Translation{kTarget, TargetOffset(offset), true};
}
std::optional<Translation> clamped(int64_t offset) {
  return Translation{kTarget, TargetOffset(offset), false};
}
OwnCommits ours(std::initializer_list<int64_t> values) {
  OwnCommits commits;
  for (const int64_t value : values) commits.values.emplace_back(value);
  return commits;
}

struct Row {
  std::string what;
  std::optional<Translation> translation;
  std::optional<int64_t> target;
  OwnCommits commits;
  bool lived;
  GroupVerdict verdict;
  bool adopted = false;
};

TEST(GroupRules, TheTable) {
  const std::vector<Row> rows = {
      {"not mirrored", {}, {}, {}, false, kUntold},
      {"not mirrored any more", {}, 50, ours({50}), false, kUntold},
      {"a new group", complete(100), {}, {}, false, kWrite},
      {"a new group, nothing copied yet", clamped(0), {}, {}, false, kWrite},
      {"expired or deleted on the target", complete(100), {}, ours({100}), true, kWrite},

      {"what we wrote stands", complete(100), 100, ours({100}), false, kInSync},
      {"... also after consumers came and went", complete(100), 100, ours({100}), true, kInSync},
      {"advance", complete(101), 100, ours({100}), false, kWrite},
      {"rewind on the source", complete(7), 100, ours({100}), false, kWrite},
      {"rewind after consumers came and went", complete(7), 100, ours({100}), true, kWrite},
      {"clamped", clamped(100), 100, ours({100}), false, kPartly},
      {"more was copied", clamped(120), 100, ours({100}), false, kWrite},
      {"all was copied", complete(150), 100, ours({100}), false, kWrite},
      {"the target's log was emptied", clamped(0), 100, ours({100}), false, kWrite},

      {"the reply was lost: it arrived", complete(110), 110, ours({100, 110}), false, kInSync},
      {"the reply was lost: it did not", complete(110), 100, ours({100, 110}), false, kWrite},
      {"the reply was lost, rewind since", complete(7), 110, ours({100, 110}), false, kWrite},

      {"own progress there, behind the source", complete(200), 150, ours({100}), false, kKept},
      {"own progress there, ahead", complete(100), 150, ours({100}), false, kKept},
      {"went back there on purpose", complete(200), 0, ours({100}), false, kKept},
      {"own progress, same by chance", complete(150), 150, ours({100}), false, kKept},
      {"own progress, source rewound", complete(7), 150, ours({100}), true, kKept},
      {"own progress, clamped", clamped(170), 150, ours({100}), false, kKept},

      {"restart without memory: behind", complete(100), 90, {}, false, kWrite},
      {"restart without memory: behind, clamped", clamped(100), 90, {}, false, kWrite},
      {"restart without memory: equal", complete(100), 100, {}, false, kInSync, true},
      {"restart without memory: ahead", complete(100), 130, {}, false, kKept},
      {"restart without memory: ahead of what is copied", clamped(100), 130, {}, false, kPartly},
      {"restart without memory: all that is copied", clamped(100), 100, {}, false, kPartly},
      {"lived there before we came: behind", complete(100), 90, {}, true, kKept},
      {"lived there before we came: equal", complete(100), 100, {}, true, kKept},
      {"lived there, but has no offset", complete(100), {}, {}, true, kWrite},
  };
  for (const Row& row : rows) {
    PartitionView view{{Offset(4711), "m"}, row.translation, {}, row.commits, row.lived};
    if (row.target) view.target = CommittedOffset{Offset(*row.target), "m"};
    EXPECT_EQ(decide(view), row.verdict) << row.what;
    EXPECT_EQ(is_adopted(view), row.adopted) << row.what;
  }
}

TEST(GroupRules, MetadataFollowsWhereTheOffsetIsOurs) {
  PartitionView view{{Offset(9), "new"}, complete(100), CommittedOffset{Offset(100), "old"},
                     ours({100}), false};
  EXPECT_EQ(decide(view), kWrite);
  view.ours = ours({90});
  EXPECT_EQ(decide(view), kKept);
  view.ours = {};
  EXPECT_EQ(decide(view), kInSync);
}

TEST(GroupRules, AttemptsAreKeptUntilOneIsSeen) {
  OwnCommits commits;
  EXPECT_FALSE(commits.any());
  commits.attempt(TargetOffset(10));
  commits.attempt(TargetOffset(20));
  commits.seen(TargetOffset(10));
  EXPECT_EQ(commits, ours({10, 20})) << "the second one may still arrive";
  commits.attempt(TargetOffset(30));
  commits.attempt(TargetOffset(20));
  EXPECT_EQ(commits, ours({10, 30, 20})) << "what is made again is the last one";
  commits.seen(TargetOffset(99));
  EXPECT_EQ(commits, ours({10, 30, 20}));
  commits.seen(TargetOffset(20));
  EXPECT_EQ(commits, ours({20}));
}

TEST(GroupRules, AttemptsAreBoundedAndTheConfirmedOneStays) {
  OwnCommits commits = ours({5});
  for (int64_t i = 100; i < 200; ++i) commits.attempt(TargetOffset(i));
  EXPECT_EQ(commits.values.size(), OwnCommits::kMostAttempts + 1);
  EXPECT_TRUE(commits.include(TargetOffset(5)));
  EXPECT_TRUE(commits.include(TargetOffset(199)));
  EXPECT_FALSE(commits.include(TargetOffset(100)));
}

TEST(GroupRules, OurOwnGroupsAreNotMirrored) {
  EXPECT_TRUE(is_internal_group(GroupId("kferry.receipt.billing")));
  EXPECT_TRUE(is_internal_group(GroupId("__kferry.flow.source->target")));
  EXPECT_FALSE(is_internal_group(GroupId("billing")));
  EXPECT_FALSE(is_internal_group(GroupId("kferryman")));
}

TEST(GroupRules, RecordsComeBack) {
  for (const char* const name : {"g", "a/b/0/c", "", "t/3/g", "\xff\x01 \"quoted\""}) {
    const GroupId group{name};
    const auto read = parse_group_record(own_commits_key(group, kTarget), to_json(ours({7, 9})));
    ASSERT_TRUE(ok(read));
    ASSERT_TRUE(*read);
    EXPECT_EQ((*read)->group, group);
    EXPECT_EQ((*read)->target, kTarget);
    EXPECT_EQ((*read)->commits, ours({7, 9}));
    const auto lived = parse_group_record(lived_key(group), lived_json(0));
    ASSERT_TRUE(ok(lived));
    ASSERT_TRUE(*lived);
    EXPECT_EQ((*lived)->group, group);
    EXPECT_FALSE((*lived)->target);
  }
}

TEST(GroupRules, OtherRecordsAreSomebodyElses) {
  for (const char* const key : {"flow", "topic/t", "partition/t/0", "groups"}) {
    const auto read = parse_group_record(key, "whatever");
    ASSERT_TRUE(ok(read));
    EXPECT_FALSE(*read) << key;
  }
}

TEST(GroupRules, UnreadableRecordsAreNamed) {
  const std::string good = to_json(ours({1}));
  for (const char* const key : {"group/t", "group/t/0", "group/t/x/g", "group/t/-1/g"})
    EXPECT_TRUE(fails(parse_group_record(key, good), ErrorKind::kFailed, key));
  for (const char* const value : {"", "{}", "[1]", R"({"committed":["a"]})"})
    EXPECT_TRUE(fails(parse_group_record("group/t/0/g", value), ErrorKind::kFailed,
                      "record 'group/t/0/g' is not readable"));
}

}  // namespace
}  // namespace kferry::replicate
