#include "replicate/metrics.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "replicate/metrics_text.h"
#include "sample_status.h"
#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using test::has;

std::string metrics_of(const FlowStatus& status, bool mm2 = false) {
  return Metrics(mm2).text(status);
}

// The value behind `series`, name and labels as they stand; "" when there is no such series.
std::string value_of(const std::string& text, const std::string& series) {
  const std::string start = "\n" + series + " ";
  const size_t at = text.find(start);
  if (at == std::string::npos) return "";
  const size_t begin = at + start.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

constexpr const char* kOrders0 =
    R"({flow="onprem->cloud",source="onprem",target="cloud",topic="orders",partition="0"})";
constexpr const char* kOrders1 =
    R"({flow="onprem->cloud",source="onprem",target="cloud",topic="orders",partition="1"})";
constexpr const char* kBilling =
    R"({flow="onprem->cloud",source="onprem",target="cloud",group="billing"})";

TEST(Metrics, PartitionsGroupsAndTheFlow) {
  const std::string text = metrics_of(test::sample_status());
  const auto of = [&](const std::string& name, const std::string& labels) {
    return value_of(text, name + labels);
  };
  EXPECT_EQ(of("kferry_records_total", kOrders0), "700");
  EXPECT_EQ(of("kferry_bytes_total", kOrders0), "70000");
  EXPECT_EQ(of("kferry_partition_lag_records", kOrders0), "300");
  EXPECT_EQ(of("kferry_partition_source_end_offset", kOrders0), "1000");
  EXPECT_EQ(of("kferry_partition_position_offset", kOrders0), "700");
  EXPECT_EQ(of("kferry_partition_quarantined", kOrders0), "0");
  EXPECT_EQ(of("kferry_partition_quarantined", kOrders1), "1");
  EXPECT_EQ(of("kferry_partition_identity", kOrders0), "1");
  EXPECT_EQ(of("kferry_partition_identity", kOrders1), "0");
  EXPECT_EQ(of("kferry_replication_latency_seconds", kOrders0), "0.25");
  EXPECT_EQ(of("kferry_replication_latency_seconds", kOrders1), "") << "nothing was copied yet";
  EXPECT_EQ(of("kferry_group_partitions", kBilling), "2");
  EXPECT_EQ(of("kferry_group_synced_partitions", kBilling), "2");
  EXPECT_EQ(of("kferry_group_sync_latency_seconds", kBilling), "0.12");

  const std::string flow = R"(flow="onprem->cloud",source="onprem",target="cloud")";
  EXPECT_EQ(of("kferry_ready", "{" + flow + "}"), "1");
  EXPECT_EQ(of("kferry_troubles", "{" + flow + "}"), "1");
  EXPECT_EQ(of("kferry_max_bytes_per_second", "{" + flow + "}"), "5000000");
  EXPECT_EQ(of("kferry_partitions", "{" + flow + R"(,phase="copying"})"), "1");
  EXPECT_EQ(of("kferry_partitions", "{" + flow + R"(,phase="quarantined"})"), "1");
  EXPECT_EQ(of("kferry_partitions", "{" + flow + R"(,phase="filling"})"), "0");
  EXPECT_EQ(of("process_start_time_seconds", ""), "1800000000");
  EXPECT_EQ(of("kferry_build_info", R"({version=")" KFERRY_VERSION R"("})"), "1");
}

TEST(Metrics, WhatIsNotKnownIsLeftOut) {
  const std::string text = metrics_of(test::sample_status());
  const std::string weird =
      R"({flow="onprem->cloud",source="onprem",target="cloud",topic="we\"ird\\\n",partition="0"})";
  EXPECT_EQ(value_of(text, "kferry_records_total" + weird), "0");
  EXPECT_EQ(value_of(text, "kferry_partition_lag_records" + weird), "");
  EXPECT_EQ(value_of(text, "kferry_partition_source_end_offset" + weird), "");
}

TEST(Metrics, ANameThatIsNotUtf8DoesNotSpoilTheRest) {
  EXPECT_EQ(escape_label("t\xc3\xa4glich"), "t\xc3\xa4glich");
  EXPECT_EQ(escape_label("a\xff\"b"), R"(a\\xFF\"b)");
}

// Every family is declared once, before its samples, and no series comes twice: what Prometheus
// refuses otherwise.
TEST(Metrics, TheTextIsWellFormed) {
  std::istringstream text(metrics_of(test::sample_status(), true));
  std::vector<std::string> families;
  std::vector<std::string> series;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("# TYPE ")) families.push_back(line.substr(7, line.find(' ', 7) - 7));
    if (line.starts_with('#')) continue;
    series.push_back(line.substr(0, line.rfind(' ')));
    ASSERT_FALSE(families.empty());
    EXPECT_EQ(series.back().substr(0, series.back().find('{')), families.back());
  }
  const size_t count = series.size();
  for (auto* const names : {&families, &series}) {
    std::ranges::sort(*names);
    EXPECT_EQ(std::ranges::adjacent_find(*names), names->end());
  }
  EXPECT_GT(count, 40U);
}

// The same samples through prometheus-cpp.
TEST(Metrics, TheFormatIsThatOfPrometheusCpp) {
  using prometheus::MetricType;
  std::vector<prometheus::MetricFamily> families;
  MetricsText ours;
  for (const bool counter : {true, false}) {
    const std::string name = counter ? "kferry_records_total" : "kferry_latency_seconds";
    prometheus::MetricFamily family{name, "What it is.",
                                    counter ? MetricType::Counter : MetricType::Gauge, {}};
    ours.family(name, counter ? MetricsText::Type::kCounter : MetricsText::Type::kGauge,
                "What it is.");
    for (const std::string topic : {"orders", "t\xc3\xa4glich", "a\\b\"c\nd"}) {
      prometheus::ClientMetric metric;
      metric.label = {{"topic", topic}, {"partition", "3"}};
      metric.counter.value = 1'234'567;
      metric.gauge.value = 0.25;
      family.metric.push_back(metric);
      const std::string labels =
          fmt::format(R"({{topic="{}",partition="3"}})", escape_label(topic));
      if (counter)
        ours.sample(labels, int64_t{1'234'567});
      else
        ours.sample(labels, 0.25);
    }
    families.push_back(family);
  }
  EXPECT_EQ(ours.take(), prometheus::TextSerializer().Serialize(families));
}

TEST(Metrics, Mm2NamesAreThereWhenAskedFor) {
  FlowStatus status = test::sample_status();
  EXPECT_EQ(metrics_of(status).find("mirrorsourceconnector"), std::string::npos);
  Metrics metrics(true);
  const std::string labels =
      R"({source="onprem",target="cloud",topic="onprem.orders",partition="0"})";
  for (const std::string prefix : {"connect_mirror_", "kafka_connect_mirror_"}) {
    const std::string text = Metrics(true).text(status);
    const auto of = [&](const std::string& name) {
      return value_of(text, prefix + "mirrorsourceconnector_" + name + labels);
    };
    EXPECT_EQ(of("record_count"), "700");
    EXPECT_EQ(of("byte_count"), "70000");
    EXPECT_EQ(of("record_age_ms"), "250");
    EXPECT_EQ(of("replication_latency_ms"), "250");
    EXPECT_EQ(of("record_rate"), "7") << "700 in the 100 s since the start";
    EXPECT_EQ(of("byte_rate"), "700");
    EXPECT_EQ(value_of(text, prefix + "mirrorcheckpointconnector_checkpoint_latency_ms" +
                                 R"({source="onprem",target="cloud",group="billing"})"),
              "120");
  }
}

TEST(Metrics, Mm2RatesAreOfTheLastMinute) {
  FlowStatus status = test::sample_status();
  Metrics metrics(true);
  const auto rate_after = [&](int64_t ms, int64_t records) {
    status.taken_at_ms += ms;
    status.partitions[0].records += records;
    return value_of(metrics.text(status),
                    "connect_mirror_mirrorsourceconnector_record_rate{source=\"onprem\",target="
                    "\"cloud\",topic=\"onprem.orders\",partition=\"0\"}");
  };
  EXPECT_EQ(rate_after(0, 0), "7");
  rate_after(30'000, 300);
  EXPECT_EQ(rate_after(30'000, 300), "10") << "the sample before the last is the base";
  EXPECT_EQ(rate_after(1'000, 0), fmt::format("{}", 300.0 / 31));
  EXPECT_EQ(rate_after(30'000, 0), "0");
  status.partitions[0].records = 0;
  EXPECT_EQ(rate_after(1'000, 0), "0") << "never negative";
}

TEST(Metrics, AFlowOfManyPartitions) {
  FlowStatus status = test::sample_status();
  const PartitionStatus model = status.partitions[0];
  status.partitions.clear();
  for (int topic = 0; topic < 940; ++topic)
    for (int partition = 0; partition < 24; ++partition) {
      status.partitions.push_back(model);
      status.partitions.back().source = {TopicName(fmt::format("company.topic-{}", topic)),
                                         Partition(partition)};
    }
  const test::Stopwatch watch;
  const std::string text = metrics_of(status);
  const auto elapsed = watch.elapsed();
  EXPECT_EQ(std::ranges::count(text, '\n'), 940 * 24 * 8 + 55);
  fmt::print("{} MB of metrics in {} ms\n", text.size() / 1'000'000, elapsed.count());
}

}  // namespace
}  // namespace kferry::replicate
