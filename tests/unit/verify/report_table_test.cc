#include <gtest/gtest.h>

#include "base/text.h"
#include "golden.h"
#include "sample_report.h"
#include "verify/report_json.h"

namespace kferry::verify {
namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

DiffReport plan_report() {
  DiffReport report;
  report.verb = "plan";
  report.groups.emplace_back();
  report.groups[0].group = GroupId("billing");
  for (int32_t number = 0; number < 3; ++number)
    report.groups[0].partitions.push_back(
        kferry::testing::sample_partition("orders", number, Outcome::kEqual));
  report.groups[0].partitions[0].kafka_offset = 7;
  report.groups[0].partitions[2].outcome = Outcome::kPending;
  report.groups[0].partitions[2].kafka_offset = 40;
  report.groups[0].partitions[2].planned_offset = 42;
  return report;
}

TEST(ReportTable, Golden) {
  kferry::testing::expect_golden("report.txt", to_table(kferry::testing::sample_report(), 100));
}

TEST(ReportTable, TroubleComesFirstAndTheRestIsCounted) {
  const std::string table = to_table(kferry::testing::sample_report(), 2);
  EXPECT_LT(table.find("failed"), table.find("not_attempted"));
  EXPECT_TRUE(contains(table, "... and 13 more partitions: the JSON report has all of them"));
  EXPECT_FALSE(contains(table.substr(0, table.find("...")), "migrated"));
  const std::string nothing = to_table(kferry::testing::sample_report(), 0);
  EXPECT_TRUE(contains(nothing, "... and 15 more partitions"));
  EXPECT_TRUE(contains(nothing, "... and 1 more groups"));
}

TEST(ReportTable, NamesCannotForgeLines) {
  DiffReport report = plan_report();
  report.groups[0].group = GroupId("evil\n\x1B[2Jgroup");
  report.groups[0].detail = "a\rb";
  const std::string table = to_table(report, 10);
  EXPECT_TRUE(contains(table, "evil\\x0A\\x1B[2Jgroup"));
  EXPECT_FALSE(contains(table, "\x1B"));
  EXPECT_FALSE(contains(table, "\r"));
}

TEST(ReportTable, ColumnsAlignWhateverTheAlphabet) {
  DiffReport report = plan_report();
  report.groups[0].partitions[0].topic = TopicName("t\xC3\xA4glich");
  report.groups[0].partitions[1].topic = TopicName("taeglich");
  const std::string table = to_table(report, 10);
  std::vector<size_t> columns;
  size_t begin = 0;
  for (int line = 0; line < 4; ++line) {
    const size_t end = table.find('\n', begin);
    const std::string text = table.substr(begin, end - begin);
    const size_t at = text.find(line == 0 ? "OUTCOME" : line == 1 ? "pending" : "equal");
    ASSERT_NE(at, std::string::npos) << text;
    columns.push_back(code_points(text.substr(0, at)));
    begin = end + 1;
  }
  for (const size_t column : columns) EXPECT_EQ(column, columns[0]) << table;
}

TEST(ReportTable, SaysThatConsumersWereNotSeen) {
  const std::string words = "could not be looked at";
  DiffReport report = kferry::testing::sample_report();
  EXPECT_EQ(to_table(report, 20).find(words), std::string::npos);
  report.source.zookeeper.clear();
  EXPECT_NE(to_table(report, 20).find(words), std::string::npos);
}

TEST(ReportTable, SaysWhatToDoNext) {
  DiffReport report = plan_report();
  EXPECT_TRUE(contains(to_table(report, 10), "-> 42"));
  EXPECT_TRUE(contains(to_table(report, 10), "--execute"));
  report.groups[0].partitions[2].outcome = Outcome::kRefused;
  EXPECT_TRUE(contains(to_table(report, 10), "plan again"));
  report.groups[0].partitions[2].outcome = Outcome::kDifferent;
  EXPECT_TRUE(contains(to_table(report, 10), "Kafka does not have what it should"));
  report.error = Error{ErrorKind::kPartlyDone, "killed", "", 0};
  EXPECT_TRUE(contains(to_table(report, 10), "--resume"));
  EXPECT_TRUE(contains(to_table(DiffReport(), 10), "no offset was found"));
}

TEST(ReportCsv, OffsetsThatStandOrWouldStandInKafka) {
  EXPECT_EQ(to_csv(plan_report()), "billing,orders,0,7\nbilling,orders,2,42\n");
}

// What Jackson's CSV reader in Kafka 2.8.2 and 4.2.0 was seen to read back.
TEST(ReportCsv, NamesAreQuoted) {
  DiffReport report = plan_report();
  report.groups[0].partitions.resize(1);
  const std::pair<const char*, const char*> cases[] = {
      {"a_b-c.D9", "a_b-c.D9"},         {"a,b", "\"a,b\""}, {"say \"x\"", "\"say \"\"x\"\"\""},
      {" lead", "\" lead\""},           {"", "\"\""},       {"#c", "\"#c\""},
      {"t\xC3\xA4g", "\"t\xC3\xA4g\""},
  };
  for (const auto& [name, cell] : cases) {
    report.groups[0].group = GroupId(name);
    EXPECT_EQ(to_csv(report), std::string(cell) + ",orders,0,7\n");
  }
}

TEST(Text, Utf8) {
  for (const char* good : {"", "plain", "t\xC3\xA4g", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                           "\xF4\x8F\xBF\xBF", "\xEE\x80\x80"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad :
       {"\xFF", "\x80", "\xC3", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "a\xE2\x82", "\xC3(", "\xF0\x80\x80\x80"})
    EXPECT_FALSE(is_utf8(bad)) << escape_control(bad);
}

TEST(Text, EscapesWhatMovesTheCursor) {
  EXPECT_EQ(escape_control("a\tb"), "a\\x09b");
  EXPECT_EQ(escape_control("\x7F"), "\\x7F");
  EXPECT_EQ(escape_control("\xC2\x9B"), "\\xC2\\x9B");           // C1: CSI
  EXPECT_EQ(escape_control("\xE2\x80\xAE"), "\\xE2\\x80\\xAE");  // right-to-left override
  EXPECT_EQ(escape_control("\xFF\xC3\xA4"), "\\xFF\xC3\xA4");
  EXPECT_EQ(escape_control(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(code_points("t\xC3\xA4g\xF0\x9F\x98\x80"), 4U);
}

}  // namespace
}  // namespace kferry::verify
