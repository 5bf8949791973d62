#include "replicate/metrics.h"

#include <array>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "replicate/metrics_text.h"
#include "replicate/mm2_metrics.h"

namespace kferry::replicate {
namespace {

using enum MetricsText::Type;

double seconds(int64_t ms) {
  return static_cast<double>(ms) / 1000;
}

std::string flow_labels(const FlowStatus& status) {
  return fmt::format(R"(flow="{}",source="{}",target="{}")", escape_label(status.flow),
                     escape_label(status.source_alias), escape_label(status.target_alias));
}

void add_flow(const FlowStatus& status, const std::string& flow, MetricsText& out) {
  const std::string labels = "{" + flow + "}";
  out.family("kferry_build_info", kGauge, "Which kferry this is; always 1.");
  out.sample(fmt::format(R"({{version="{}"}})", KFERRY_VERSION), int64_t{1});
  out.family("process_start_time_seconds", kGauge, "When the process started, Unix time.");
  out.sample("", seconds(status.started_at_ms));
  out.family("kferry_ready", kGauge, "1: both clusters were reached and partitions are copied.");
  out.sample(labels, int64_t{status.ready});
  out.family("kferry_troubles", kGauge, "Troubles of the flow as a whole; /status names them.");
  out.sample(labels, static_cast<int64_t>(status.troubles.size()));
  out.family("kferry_buffered_bytes", kGauge, "Fetched and not yet confirmed by the target.");
  out.sample(labels, status.buffered_bytes);
  out.family("kferry_max_bytes_per_second", kGauge, "The limit in force; 0: none.");
  out.sample(labels, status.max_bytes_per_second);

  std::array<int64_t, kPhases.size()> counts{};
  for (const PartitionStatus& one : status.partitions) ++counts.at(static_cast<size_t>(one.phase));
  out.family("kferry_partitions", kGauge, "Partitions of this process by phase.");
  for (const Phase phase : kPhases)
    out.sample(fmt::format(R"({{{},phase="{}"}})", flow, to_string(phase)),
               counts.at(static_cast<size_t>(phase)));
}

// A metric of partitions: nullopt where the value is not known.
struct PartitionMetric {
  const char* name;
  MetricsText::Type type;
  const char* help;
  std::optional<int64_t> (*value)(const PartitionStatus&);
};

std::optional<int64_t> if_known(int64_t offset) {
  return offset < 0 ? std::nullopt : std::optional(offset);
}

constexpr auto kPartitionMetrics = std::to_array<PartitionMetric>({
    {"kferry_records_total", kCounter, "Records confirmed by the target, since the start.",
     [](const PartitionStatus& one) { return std::optional(one.records); }},
    {"kferry_bytes_total", kCounter, "Their bytes, compressed as they came.",
     [](const PartitionStatus& one) { return std::optional(one.bytes); }},
    {"kferry_partition_lag_records", kGauge, "Offsets of the source not yet on the target.",
     [](const PartitionStatus& one) {
       const bool known = one.source_end.value() >= 0 && one.position.value() >= 0;
       return known ? std::optional(one.lag()) : std::nullopt;
     }},
    {"kferry_partition_source_end_offset", kGauge, "The source's high watermark.",
     [](const PartitionStatus& one) { return if_known(one.source_end.value()); }},
    {"kferry_partition_position_offset", kGauge, "The next offset of the source to be copied.",
     [](const PartitionStatus& one) { return if_known(one.position.value()); }},
    {"kferry_partition_quarantined", kGauge, "1: the partition cannot follow; /status says why.",
     [](const PartitionStatus& one) {
       return std::optional<int64_t>(one.phase == Phase::kQuarantined);
     }},
    {"kferry_partition_identity", kGauge,
     "1: its records have the source's offsets. 0: exact translation.",
     [](const PartitionStatus& one) { return std::optional<int64_t>(one.identity); }},
});

void add_partitions(const FlowStatus& status, const std::string& flow, MetricsText& out) {
  std::vector<std::string> labels;
  labels.reserve(status.partitions.size());
  for (const PartitionStatus& one : status.partitions)
    labels.push_back(fmt::format(R"({{{},topic="{}",partition="{}"}})", flow,
                                 escape_label(one.source.topic.value()), one.source.partition));
  for (const PartitionMetric& metric : kPartitionMetrics) {
    out.family(metric.name, metric.type, metric.help);
    for (size_t i = 0; i < labels.size(); ++i)
      if (const auto value = metric.value(status.partitions[i])) out.sample(labels[i], *value);
  }
  out.family("kferry_replication_latency_seconds", kGauge,
             "Of the last record: from its timestamp to the target's confirmation.");
  for (size_t i = 0; i < labels.size(); ++i)
    if (const auto latency_ms = replication_latency_ms(status.partitions[i]))
      out.sample(labels[i], seconds(*latency_ms));
}

void add_groups(const FlowStatus& status, const std::string& flow, MetricsText& out) {
  std::vector<std::string> labels;
  for (const GroupStatus& one : status.groups)
    labels.push_back(fmt::format(R"({{{},group="{}"}})", flow, escape_label(one.group.value())));
  const auto each = [&](auto add) {
    for (size_t i = 0; i < labels.size(); ++i) add(status.groups[i], labels[i]);
  };
  out.family("kferry_group_partitions", kGauge, "Partitions with a committed source offset.");
  each([&](const GroupStatus& one, const std::string& of) { out.sample(of, one.partitions); });
  out.family("kferry_group_synced_partitions", kGauge, "Of these, exactly on the target.");
  each([&](const GroupStatus& one, const std::string& of) { out.sample(of, one.synced); });
  out.family("kferry_group_last_sync_timestamp_seconds", kGauge,
             "When a commit to the target was last confirmed, Unix time.");
  each([&](const GroupStatus& one, const std::string& of) {
    if (one.synced_at_ms >= 0) out.sample(of, seconds(one.synced_at_ms));
  });
  out.family("kferry_group_sync_latency_seconds", kGauge,
             "From seeing an offset on the source to its confirmation on the target.");
  each([&](const GroupStatus& one, const std::string& of) {
    if (one.latency_ms >= 0) out.sample(of, seconds(one.latency_ms));
  });
}

// So that the text is allocated once.
size_t expected_bytes(const FlowStatus& status, bool mm2_names) {
  constexpr size_t kPerPartition = 1'400;
  constexpr size_t kPerPartitionOfMm2 = 1'800;
  constexpr size_t kPerGroup = 800;
  return 4'096 + status.partitions.size() * (kPerPartition + (mm2_names ? kPerPartitionOfMm2 : 0)) +
         status.groups.size() * kPerGroup;
}

}  // namespace

Metrics::Metrics(bool mm2_names) : mm2_(mm2_names ? std::make_unique<Mm2Metrics>() : nullptr) {}
Metrics::~Metrics() = default;
Metrics::Metrics(Metrics&&) noexcept = default;
Metrics& Metrics::operator=(Metrics&&) noexcept = default;

std::string Metrics::text(const FlowStatus& status) {
  MetricsText out;
  out.reserve(expected_bytes(status, mm2_ != nullptr));
  const std::string flow = flow_labels(status);
  add_flow(status, flow, out);
  add_partitions(status, flow, out);
  add_groups(status, flow, out);
  if (mm2_) mm2_->add(status, out);
  return out.take();
}

}  // namespace kferry::replicate
