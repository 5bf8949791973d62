#include "base/named.h"

#include <map>
#include <type_traits>
#include <unordered_set>

#include <gtest/gtest.h>

namespace kferry {
namespace {

template <class A, class B>
concept Comparable = requires(const A& a, const B& b) {
  a == b;
};
template <class A, class B>
concept Addable = requires(const A& a, const B& b) {
  a + b;
};

// Mixing two names does not compile.
static_assert(!std::is_convertible_v<Offset, ZookeeperOffset>);
static_assert(!std::is_constructible_v<Offset, ZookeeperOffset>);
static_assert(!std::is_assignable_v<Offset&, ZookeeperOffset>);
static_assert(!Comparable<Offset, ZookeeperOffset>);
static_assert(!std::is_constructible_v<TopicName, GroupId>);
static_assert(!std::is_constructible_v<GroupId, MemberId>);
static_assert(!Comparable<Partition, BrokerId>);
static_assert(!Addable<Offset, ZookeeperOffset>);

// Nor does passing a bare value, or taking one, without saying so.
static_assert(!std::is_convertible_v<int64_t, Offset>);
static_assert(!std::is_convertible_v<Offset, int64_t>);
static_assert(!std::is_convertible_v<std::string, GroupId>);
static_assert(!Comparable<Offset, int64_t>);

static_assert(std::is_constructible_v<Offset, int64_t>);
static_assert(Comparable<Offset, Offset>);

TEST(Named, ComparesHashesAndFormatsAsItsValue) {
  EXPECT_LT(Offset(1), Offset(2));
  EXPECT_EQ(GroupId("a"), GroupId(std::string("a")));
  EXPECT_EQ(fmt::format("{} {:>3}", GroupId("billing"), Offset(7)), "billing   7");
  const std::unordered_set<TopicName> topics{TopicName("a"), TopicName("a"), TopicName("b")};
  EXPECT_EQ(topics.size(), 2U);
  EXPECT_EQ(Offset().value(), 0);
}

TEST(Named, TopicPartitionsOrderByTopicThenByNumber) {
  const TopicPartition a2{TopicName("a"), Partition(2)};
  const TopicPartition a10{TopicName("a"), Partition(10)};
  const TopicPartition b0{TopicName("b"), Partition(0)};
  EXPECT_LT(a2, a10);
  EXPECT_LT(a10, b0);
  EXPECT_EQ(fmt::format("{}", a10), "a-10");
}

}  // namespace
}  // namespace kferry
