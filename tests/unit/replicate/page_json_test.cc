#include "replicate/page_json.h"

#include <chrono>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "replicate/page.h"
#include "sample_status.h"
#include "tests/support/expectations.h"
#include "tests/unit/verify/schema.h"

namespace kferry::replicate {
namespace {

using nlohmann::json;

ListQuery query(const std::string& text) {
  const auto parsed = parse_list_query(text);
  EXPECT_TRUE(test::ok(parsed)) << text;
  return parsed.value_or(ListQuery());
}

// 940 topics of 24 partitions, as in the story that kferry was made for.
FlowStatus large_status() {
  FlowStatus status = test::sample_status();
  const PartitionStatus copying = status.partitions[0];
  status.partitions.clear();
  for (int32_t topic = 0; topic < 940; ++topic)
    for (int32_t partition = 0; partition < 24; ++partition) {
      PartitionStatus& one = status.partitions.emplace_back(copying);
      one.source = {TopicName(fmt::format("topic-{:03}", topic)), Partition(partition)};
      one.position = SourceOffset(1'000 - topic % 7);
    }
  status.partitions[100].phase = Phase::kQuarantined;
  status.partitions[100].reason = "an unclean election";
  return status;
}

TEST(PageQuery, IsDecodedAndChecked) {
  const ListQuery asked = query("offset=50&limit=20&order=lag&q=a%26b+c%2&topic=%C3%A4");
  EXPECT_EQ(asked.offset, 50U);
  EXPECT_EQ(asked.limit, 20U);
  EXPECT_EQ(asked.order, ListQuery::Order::kLag);
  EXPECT_EQ(asked.find, "a&b c%2");
  EXPECT_EQ(asked.topic, "\xc3\xa4");
  EXPECT_EQ(query("").limit, 50U);
  EXPECT_EQ(query("&&q=").find, "");
  for (const char* const bad : {"limit=0", "limit=501", "limit=x", "offset=-1", "offset=1x",
                                "order=up", "password=x", "limit", "offset=99999999999999999999"})
    EXPECT_TRUE(test::fails(parse_list_query(bad), ErrorKind::kUsage, "")) << bad;
}

TEST(PageJson, TheSummaryIsSmallHoweverManyPartitionsThereAre) {
  const FlowStatus status = large_status();
  const auto begin = std::chrono::steady_clock::now();
  const std::string text = summary_json(status);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(text.size(), 5'000U);
  EXPECT_LT(took.count(), 1.0);
  const json summary = json::parse(text);
  EXPECT_EQ(summary["summary"]["partitions"], 22'560);
  EXPECT_EQ(summary["stuck_total"], 1);
  EXPECT_EQ(summary["stuck"][0]["topic"], "topic-004");
  EXPECT_EQ(summary["stuck"][0]["reason"], "an unclean election");
  EXPECT_EQ(summary["percent"], 99);
}

TEST(PageJson, OneOutageThatStopsEverythingIsNotAllPartitions) {
  FlowStatus status = large_status();
  for (PartitionStatus& one : status.partitions) one.phase = Phase::kWaiting;
  status.partitions.back().phase = Phase::kQuarantined;
  const json summary = json::parse(summary_json(status));
  EXPECT_EQ(summary["stuck_total"], 22'560);
  ASSERT_EQ(summary["stuck"].size(), 20U);
  EXPECT_EQ(summary["stuck"][0]["phase"], "quarantined") << "they come first";
}

TEST(PageJson, TopicsComeInPagesTroubleFirst) {
  const FlowStatus status = large_status();
  const json first = json::parse(topics_json(status, query("limit=50")));
  EXPECT_EQ(first["total"], 940);
  ASSERT_EQ(first["rows"].size(), 50U);
  EXPECT_EQ(first["rows"][0]["topic"], "topic-004");
  EXPECT_EQ(first["rows"][0]["worst"], "quarantined");
  EXPECT_EQ(first["rows"][0]["phases"]["copying"], 23);
  EXPECT_EQ(first["rows"][0]["reason"], "4: an unclean election");
  EXPECT_EQ(first["rows"][1]["topic"], "topic-000");
  const json last = json::parse(topics_json(status, query("limit=50&offset=900&order=name")));
  EXPECT_EQ(last["rows"].size(), 40U);
  EXPECT_EQ(last["rows"][39]["topic"], "topic-939");
  const json beyond = json::parse(topics_json(status, query("offset=5000")));
  EXPECT_EQ(beyond["total"], 940);
  EXPECT_TRUE(beyond["rows"].empty());
  const json lag = json::parse(topics_json(status, query("order=lag&limit=1")));
  EXPECT_EQ(lag["rows"][0]["lag"], 6 * 24);
  const json found = json::parse(topics_json(status, query("q=-93")));
  EXPECT_EQ(found["total"], 10);
}

TEST(PageJson, PartitionsOfOneTopicAndGroups) {
  const FlowStatus status = large_status();
  const json partitions =
      json::parse(partitions_json(status, query("topic=topic-004&limit=10&offset=20")));
  EXPECT_EQ(partitions["total"], 24);
  ASSERT_EQ(partitions["rows"].size(), 4U);
  EXPECT_EQ(partitions["rows"][3]["partition"], 23);
  EXPECT_EQ(json::parse(partitions_json(status, query("topic=none")))["total"], 0);
  const json groups = json::parse(groups_json(status, {}));
  ASSERT_EQ(groups["total"], 2);
  EXPECT_EQ(groups["rows"][0]["state"], "live on the target") << "it needs attention";
  EXPECT_EQ(groups["rows"][0]["attention"], true);
  EXPECT_EQ(json::parse(groups_json(status, query("q=bill")))["total"], 1);
}

// What the content security policy forbids would not work: nothing inline, nothing from elsewhere.
TEST(Page, KeepsToItsOwnPolicy) {
  const std::string html(kPageHtml);
  for (const char* const forbidden :
       {"<style", " style=", "onclick=", "onload=", "http://", "https://", "javascript:"})
    EXPECT_EQ(html.find(forbidden), std::string::npos) << forbidden;
  const std::string script(kPageScript);
  for (const char* const forbidden : {"innerHTML", "outerHTML", "insertAdjacentHTML", "eval(",
                                      "document.write", "new Function", ".style", "https://"})
    EXPECT_EQ(script.find(forbidden), std::string::npos) << forbidden;
}

}  // namespace
}  // namespace kferry::replicate
