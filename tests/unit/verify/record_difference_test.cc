#include "verify/record_difference.h"

#include <gtest/gtest.h>

#include "tests/support/records.h"

namespace kferry::verify {
namespace {

using kferry::test::TestRecord;
using enum DifferenceKind;

std::vector<TestRecord> records() {
  std::vector<TestRecord> made = kferry::test::some_records(100, 12);
  made[5].key = "key";
  made[5].value = "value";
  made[5].headers = {{"a", "1"}, {"b", std::nullopt}};
  return made;
}

std::vector<RecordPrint> prints(const std::vector<TestRecord>& records) {
  std::vector<RecordPrint> made;
  for (const TestRecord& one : records) {
    std::string body;
    const auto raw = kferry::test::make_raw(one, body);
    made.push_back(print_of(raw.offset, raw.offset, raw.timestamp_ms, raw.body).value());
  }
  return made;
}

Narrowed compare(const std::vector<TestRecord>& source, const std::vector<TestRecord>& target,
                 bool compacted = false) {
  return first_difference(prints(source), prints(target), compacted);
}

// What is found when `change` was made to the target.
template <class Change>
std::pair<DifferenceKind, int64_t> after(Change change) {
  std::vector<TestRecord> target = records();
  change(target);
  const auto found = compare(records(), target).first;
  if (!found) return {kSwapped, -1};
  return {found->kind, found->offset};
}

using Found = std::pair<DifferenceKind, int64_t>;
using Target = std::vector<TestRecord>&;

void renumber(Target target) {
  for (size_t i = 0; i < target.size(); ++i) target[i].offset = 100 + static_cast<int64_t>(i);
}

TEST(RecordDifference, TheSameIsTheSame) {
  EXPECT_FALSE(compare(records(), records()).first);
  EXPECT_FALSE(compare({}, {}).first);
}

TEST(RecordDifference, NamesTheFieldThatDiffers) {
  EXPECT_EQ(after([](Target t) { (*t[5].value)[2] ^= 1; }), (Found{kValue, 105}));
  EXPECT_EQ(after([](Target t) { t[5].value = std::nullopt; }), (Found{kValue, 105}));
  EXPECT_EQ(after([](Target t) { t[5].key = ""; }), (Found{kKey, 105}));
  EXPECT_EQ(after([](Target t) { t[5].timestamp_ms += 1; }), (Found{kTimestamp, 105}));
  EXPECT_EQ(after([](Target t) { std::swap(t[5].headers[0], t[5].headers[1]); }),
            (Found{kHeaders, 105}));
  EXPECT_EQ(after([](Target t) { t[5].headers[1].second = ""; }), (Found{kHeaders, 105}));
}

TEST(RecordDifference, NamesWhatIsMissingAndWhatIsSwapped) {
  EXPECT_EQ(after([](Target t) { t.erase(t.begin() + 5); }), (Found{kMissingOnTarget, 105}));
  EXPECT_EQ(after([](Target t) { t.pop_back(); }), (Found{kMissingOnTarget, 111}));
  EXPECT_EQ(after([](Target t) {
              t.erase(t.begin() + 5);
              renumber(t);
            }),
            (Found{kMissingOnTarget, 105}));
  EXPECT_EQ(after([](Target t) {
              t.insert(t.begin() + 5, TestRecord{.timestamp_ms = 7, .value = "foreign"});
              renumber(t);
            }),
            (Found{kMissingOnSource, 105}));
  EXPECT_EQ(after([](Target t) {
              std::swap(t[5], t[6]);
              renumber(t);
            }),
            (Found{kSwapped, 105}));
}

TEST(RecordDifference, BothSidesMayHaveCompacted) {
  std::vector<TestRecord> source = records();
  std::vector<TestRecord> target = records();
  for (auto* const side : {&source, &target})
    for (TestRecord& one : *side) one.key = "k";
  source.erase(source.begin() + 3);
  target.erase(target.begin() + 8);
  EXPECT_FALSE(compare(source, target, true).first);
  EXPECT_EQ(compare(source, target, true).compacted, 2);
  EXPECT_TRUE(compare(source, target).first);
  target[5].value = "other";
  EXPECT_EQ(compare(source, target, true).first->kind, kValue);
}

TEST(RecordDifference, WordsAreReadBack) {
  for (const DifferenceKind kind :
       {kMissingOnTarget, kMissingOnSource, kSwapped, kTimestamp, kKey, kValue, kHeaders})
    EXPECT_EQ(parse_difference_kind(to_string(kind)), kind);
  EXPECT_EQ(parse_difference_kind("other"), std::nullopt);
  EXPECT_FALSE(print_of(0, 0, 0, "\x01"));
}

}  // namespace
}  // namespace kferry::verify
