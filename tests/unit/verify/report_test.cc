#include "verify/report.h"

#include <gtest/gtest.h>

#include "sample_report.h"

namespace kferry::verify {
namespace {

using enum Outcome;

TEST(Report, EveryOutcomeHasANameOfItsOwn) {
  for (const Outcome outcome : kferry::testing::kAllOutcomes)
    EXPECT_EQ(parse_outcome(to_string(outcome)), outcome);
  EXPECT_EQ(parse_outcome("Migrated"), std::nullopt);
  EXPECT_EQ(parse_outcome(""), std::nullopt);
}

TEST(Report, CountsAddUp) {
  const DiffReport report = kferry::testing::sample_report();
  int64_t sum = 0;
  for (const auto& [outcome, count] : summarise(report)) sum += count;
  EXPECT_EQ(sum, count_partitions(report));
  EXPECT_EQ(count_partitions(report), 15);
  EXPECT_EQ(summarise(report).at(kRefused), 2);
  EXPECT_TRUE(summarise(DiffReport()).empty());
}

struct Case {
  std::vector<Outcome> outcomes;
  std::optional<ErrorKind> error;
  int exit_code;
};

DiffReport make_report(const Case& example) {
  DiffReport report;
  report.groups.emplace_back();
  for (const Outcome outcome : example.outcomes)
    report.groups.back().partitions.push_back(kferry::testing::sample_partition("t", 0, outcome));
  if (example.error) report.error = Error{*example.error, "it ended", "", 0};
  return report;
}

TEST(Report, ExitCodeOfMixtures) {
  constexpr auto none = std::nullopt;
  const Case cases[] = {
      // Done.
      {{}, none, 0},
      {{kMigrated, kEqual, kKafkaAhead, kNoOffset, kSkipped, kRestored, kDeleted}, none, 0},
      // Differences.
      {{kPending}, none, 3},
      {{kEqual, kDifferent}, none, 3},
      {{kMissing}, none, 3},
      // Refused is worse than a difference, failed is worse than refused.
      {{kPending, kRefused}, none, 4},
      {{kMigrated, kRefused}, none, 4},
      {{}, ErrorKind::kRefused, 4},
      {{kNotAttempted}, ErrorKind::kRefused, 4},
      {{kRefused, kFailed}, none, 1},
      {{kMigrated, kFailed}, none, 1},
      {{kMigrated, kFailed}, ErrorKind::kFailed, 1},
      {{kMigrated}, ErrorKind::kFailed, 1},
      {{kNotAttempted}, none, 1},
      {{kFailed}, ErrorKind::kRefused, 1},
      // Unreachable with nothing written.
      {{kFailed}, ErrorKind::kUnreachable, 5},
      {{kNotAttempted, kEqual, kRefused}, ErrorKind::kUnreachable, 5},
      {{}, ErrorKind::kUnreachable, 5},
      {{kMigrated}, ErrorKind::kUnreachable, 5},
      // Something written, something left that --resume can do.
      {{kMigrated, kFailed}, ErrorKind::kUnreachable, 6},
      {{kMigrated, kNotAttempted}, ErrorKind::kUnreachable, 6},
      {{kMigrated, kNotAttempted}, ErrorKind::kFailed, 6},
      {{kMigrated, kNotAttempted}, ErrorKind::kRefused, 6},
      {{kMigrated, kNotAttempted}, none, 6},
      {{kRestored, kNotAttempted}, none, 6},
      {{kDeleted, kNotAttempted, kFailed}, none, 6},
      {{kEqual}, ErrorKind::kPartlyDone, 6},
      // Errors that decide alone.
      {{kMigrated, kNotAttempted}, ErrorKind::kNotAuthorised, 7},
      {{kDenied}, none, 7},
      {{kMigrated, kDenied, kFailed, kRefused}, none, 7},
      {{kMigrated, kDenied, kNotAttempted}, ErrorKind::kUnreachable, 7},
      {{kDenied}, ErrorKind::kPartlyDone, 7},
      {{kDenied}, ErrorKind::kInterrupted, 130},
      {{kMigrated, kNotAttempted}, ErrorKind::kInterrupted, 130},
      {{kMigrated}, ErrorKind::kUsage, 2},
  };
  for (const Case& example : cases) {
    std::string what;
    for (const Outcome outcome : example.outcomes) what += std::string(to_string(outcome)) + " ";
    if (example.error) what += kferry::to_string(*example.error);
    EXPECT_EQ(exit_code_of(make_report(example)), example.exit_code) << what;
  }
}

// Nothing that went wrong may end in 0.
TEST(Report, NoTroubleExitsWithZero) {
  for (const Outcome outcome :
       {kPending, kRefused, kFailed, kDenied, kNotAttempted, kDifferent, kMissing})
    for (const Outcome other : kferry::testing::kAllOutcomes)
      EXPECT_NE(exit_code_of(make_report({{outcome, other}, std::nullopt, 0})), 0)
          << to_string(outcome) << " " << to_string(other);
  for (const ErrorKind kind :
       {ErrorKind::kFailed, ErrorKind::kUsage, ErrorKind::kRefused, ErrorKind::kUnreachable,
        ErrorKind::kNotAuthorised, ErrorKind::kPartlyDone, ErrorKind::kInterrupted}) {
    EXPECT_EQ(exit_code_of(make_report({{kEqual}, kind, 0})), exit_code_of(kind));
    EXPECT_NE(exit_code_of(kind), 0);
  }
}

}  // namespace
}  // namespace kferry::verify
