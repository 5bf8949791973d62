#include "replicate/status_json.h"

#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sample_status.h"
#include "tests/support/expectations.h"
#include "tests/unit/verify/schema.h"

namespace kferry::replicate {
namespace {

using nlohmann::json;

std::string schema_trouble(const std::string& document) {
  return kferry::testing::schema_trouble("status.schema.json", json::parse(document));
}

TEST(StatusJson, FitsTheSchema) {
  EXPECT_EQ(schema_trouble(status_json(test::sample_status())), "");
  EXPECT_EQ(schema_trouble(status_json(FlowStatus())), "");
}

TEST(StatusJson, SaysWhatIsKnownAndWhatIsNot) {
  const json document = json::parse(status_json(test::sample_status()));
  EXPECT_EQ(document["schema"], "kferry/mirror-status/v1");
  EXPECT_EQ(document["source"]["cluster_id"], "abc");
  EXPECT_EQ(document["target"]["cluster_id"], nullptr);
  EXPECT_EQ(document["taken_at"], "2027-01-15T08:01:40.000Z");
  EXPECT_EQ(document["troubles"][0], "cloud: broker 2 is unreachable");
  EXPECT_EQ(document["summary"]["lag"], 300 + 995);
  EXPECT_EQ(document["summary"]["phases"]["quarantined"], 1);
  EXPECT_EQ(document["summary"]["synced_groups"], 1);
  const json& copying = document["partitions"][0];
  EXPECT_EQ(copying["position"], 700);
  EXPECT_EQ(copying["lag"], 300);
  EXPECT_EQ(copying["latency_ms"], 250);
  EXPECT_EQ(copying["reason"], nullptr);
  const json& waiting = document["partitions"][2];
  EXPECT_EQ(waiting["topic"], "we\"ird\\\n");
  EXPECT_EQ(waiting["lag"], nullptr);
  EXPECT_EQ(waiting["source_end_offset"], nullptr);
  EXPECT_EQ(waiting["reason"], "no leader");
  EXPECT_EQ(document["groups"][1]["synced_at"], nullptr);
}

// Everything that a status can have.
FlowStatus full_status() {
  FlowStatus status = test::sample_status();
  status.rates = {100, 2'000, -3, 103};
  status.processes = {{"mirror-0", status.started_at_ms, status.taken_at_ms, 32},
                      {"mirror-1", status.started_at_ms, status.started_at_ms, 0, false, true}};
  status.partitions[2].records = status.partitions[2].bytes = -1;
  status.cutover = CutoverView{};
  status.cutover->record.state = CutoverState::kConsumersMoved;
  status.cutover->record.waiting = "your release";
  status.cutover->record.runner = "abc";
  status.cutover->record.runner_at_ms = status.taken_at_ms;
  status.cutover->record.history = {{CutoverState::kMirroring, status.started_at_ms},
                                    {CutoverState::kConsumersMoved, status.taken_at_ms}};
  status.cutover->moved[GroupId("billing")] = {1'000, 2'000, 3'500, {}};
  return status;
}

TEST(StatusJson, ReadsBackAsItWasWritten) {
  const std::string text = status_json(full_status());
  EXPECT_EQ(schema_trouble(text), "");
  const json document = json::parse(text);
  EXPECT_EQ(document["cutover"]["groups"][0]["pause_ms"], 2'500);
  EXPECT_EQ(document["partitions"][2]["records"], nullptr);
  EXPECT_EQ(document["rates"]["lag_per_second"], -3);
  const auto back = parse_status(text);
  ASSERT_TRUE(test::ok(back));
  EXPECT_EQ(status_json(*back), text);
}

TEST(StatusJson, WhatIsNoStatusIsNotRead) {
  EXPECT_TRUE(test::fails(parse_status("alive"), ErrorKind::kFailed, "no JSON object"));
  EXPECT_TRUE(test::fails(parse_status("{}"), ErrorKind::kFailed, "schema"));
  json document = json::parse(status_json(full_status()));
  document["partitions"][0]["phase"] = "flying";
  EXPECT_TRUE(
      test::fails(parse_status(document.dump()), ErrorKind::kFailed, "/partitions/0/phase"));
  document["partitions"] = 5;
  EXPECT_TRUE(test::fails(parse_status(document.dump()), ErrorKind::kFailed, "/partitions"));
}

TEST(StatusJson, WhatOthersSentCannotBreakIt) {
  FlowStatus status = test::sample_status();
  status.groups[0].group = GroupId("a\xff");
  status.partitions[0].last_timestamp_ms = std::numeric_limits<int64_t>::max();
  status.partitions[1].last_timestamp_ms = 1'800'000'000'000'000;  // microseconds by mistake
  status.partitions[1].last_copied_at_ms = 1'800'000'000'000;
  const std::string text = status_json(status);
  EXPECT_EQ(schema_trouble(text), "");
  const json document = json::parse(text);
  EXPECT_EQ(document["groups"][0]["group"], "a\xef\xbf\xbd");
  EXPECT_EQ(document["partitions"][0]["last_timestamp"], nullptr);
  EXPECT_EQ(document["partitions"][1]["last_timestamp"], nullptr);
  EXPECT_EQ(document["partitions"][1]["latency_ms"], 0);
}

}  // namespace
}  // namespace kferry::replicate
