#include "replicate/mm2_metrics.h"

#include <optional>
#include <string>

#include <fmt/format.h>

namespace kferry::replicate {
namespace {

constexpr int64_t kRateWindowMs = 30'000;
constexpr const char* kPrefixes[] = {"connect_mirror_", "kafka_connect_mirror_"};

}  // namespace

void Mm2Metrics::remember(const FlowStatus& status) {
  if (older_.at_ms == 0) older_.at_ms = newer_.at_ms = status.started_at_ms;  // all counts 0
  if (status.taken_at_ms - newer_.at_ms < kRateWindowMs) return;
  older_ = std::move(newer_);
  newer_ = {status.taken_at_ms, {}};
  for (const PartitionStatus& one : status.partitions)
    newer_.counts.emplace_hint(newer_.counts.end(), one.source, Counts{one.records, one.bytes});
}

void Mm2Metrics::add(const FlowStatus& status, MetricsText& out) {
  remember(status);
  const double elapsed_s = static_cast<double>(status.taken_at_ms - older_.at_ms) / 1000;
  const std::string sides =
      fmt::format(R"(source="{}",target="{}")", escape_label(status.source_alias),
                  escape_label(status.target_alias));
  struct Row {
    std::string labels;
    const PartitionStatus* partition;
    Counts before;
  };
  std::vector<Row> rows;
  rows.reserve(status.partitions.size());
  for (const PartitionStatus& one : status.partitions) {
    const auto before = older_.counts.find(one.source);
    rows.push_back({fmt::format(R"({{{},topic="{}",partition="{}"}})", sides,
                                escape_label(one.target_topic.value()), one.source.partition),
                    &one, before == older_.counts.end() ? Counts() : before->second});
  }
  // Of a partition that went away and came back, the counts may have begun anew.
  const auto rate = [&](int64_t now, int64_t before) {
    return elapsed_s > 0 && now > before ? static_cast<double>(now - before) / elapsed_s : 0.0;
  };
  const auto family = [&](const std::string& name, const char* help, auto value) {
    for (const char* const prefix : kPrefixes) {
      out.family(prefix + name, MetricsText::Type::kGauge, help);
      for (const Row& row : rows)
        if (const auto known = value(row)) out.sample(row.labels, *known);
    }
  };
  const std::string source = "mirrorsourceconnector_";
  const auto latency = [](const Row& row) { return replication_latency_ms(*row.partition); };
  family(source + "record_count", "Records copied.",
         [](const Row& row) { return std::optional(row.partition->records); });
  family(source + "record_rate", "Records copied per second.", [&](const Row& row) {
    return std::optional(rate(row.partition->records, row.before.records));
  });
  family(source + "byte_count", "Bytes copied.",
         [](const Row& row) { return std::optional(row.partition->bytes); });
  family(source + "byte_rate", "Bytes copied per second.", [&](const Row& row) {
    return std::optional(rate(row.partition->bytes, row.before.bytes));
  });
  family(source + "record_age_ms", "Age of the last record when it was copied.", latency);
  family(source + "replication_latency_ms", "From its timestamp to the target's confirmation.",
         latency);

  for (const char* const prefix : kPrefixes) {
    out.family(std::string(prefix) + "mirrorcheckpointconnector_checkpoint_latency_ms",
               MetricsText::Type::kGauge, "From the source's committed offset to the target's.");
    for (const GroupStatus& one : status.groups)
      if (one.latency_ms >= 0)
        out.sample(fmt::format(R"({{{},group="{}"}})", sides, escape_label(one.group.value())),
                   one.latency_ms);
  }
}

}  // namespace kferry::replicate
