#include "replicate/flow_state.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/whole_number.h"

namespace kferry::replicate {
namespace {

using nlohmann::json;

template <class Offset>
Offset offset_of(const json& value) {
  return Offset(whole<int64_t>(value, 0));
}

std::string partition_part(const TopicPartition& source) {
  return fmt::format("{}/{}", source.topic, source.partition);
}

// read(json) of the record under `key`; nullopt when there is none.
template <class Read>
auto read_record(const std::map<std::string, std::string>& records, const std::string& key,
                 Read read) -> Result<std::optional<decltype(read(json()))>> {
  const auto found = records.find(key);
  if (found == records.end()) return std::nullopt;
  try {
    return read(json::parse(found->second));
  } catch (const std::exception& error) {
    return fail(ErrorKind::kFailed,
                fmt::format("the flow's state: record '{}' is not readable: {}", key, error.what()),
                "another version of kferry wrote it, or somebody else; do not delete it before you "
                "know");
  }
}

}  // namespace

std::string topic_key(const TopicName& source) {
  return "topic/" + source.value();
}
std::string partition_key(const TopicPartition& source) {
  return "partition/" + partition_part(source);
}
std::string plan_key(const TopicPartition& source) {
  return "plan/" + partition_part(source);
}
std::string runs_key(const TopicPartition& source, size_t chunk) {
  return fmt::format("runs/{}/{}", partition_part(source), chunk);
}

std::string to_json(const FlowRecord& record) {
  return json{{"source_cluster_id", record.source_cluster_id},
              {"target_cluster_id", record.target_cluster_id},
              {"topic_prefix", record.topic_prefix},
              {"producer", {record.producer_id, record.producer_epoch}},
              {"filler", {record.filler_id, record.filler_epoch}}}
      .dump();
}

std::string to_json(const TopicRecord& record) {
  return json{
      {"source_id", record.source_id}, {"created", record.created}, {"finished", record.finished}}
      .dump();
}

std::string to_json(const PartitionRecord& record) {
  json value{{"identity", record.identity},
             {"source", record.reference.source.value()},
             {"target", record.reference.target.value()},
             {"copied", record.reference.copied}};
  if (!record.why_not_identity.empty()) value["why_not_identity"] = record.why_not_identity;
  if (record.epochs_since != 0) value["epochs_since"] = record.epochs_since;
  if (record.copied_before != 0) value["copied_before"] = record.copied_before;
  if (record.fill_to) value["fill_to"] = record.fill_to->value();
  if (!record.topic_id.empty()) value["topic_id"] = record.topic_id;
  if (!record.gap_producers.empty()) value["gap_producers"] = record.gap_producers;
  if (record.others_from) value["others_from"] = record.others_from->value();
  if (record.mixed)
    value["mixed"] = {record.mixed->from.value(), record.mixed->to.value(),
                      record.mixed->target.value()};
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string to_json(const SourcePlan& plan) {
  json value = json::array();
  for (const auto& [copied, source] : plan) value.push_back({copied, source.value()});
  return value.dump();
}

std::string runs_to_json(const std::vector<OffsetRun>& runs) {
  json value = json::array();
  for (const OffsetRun& run : runs) value.push_back({run.source.value(), run.target.value()});
  return value.dump();
}

Result<std::optional<FlowRecord>> LoadedState::flow() const {
  return read_record(records_, "flow", [](const json& value) {
    FlowRecord record;
    value.at("source_cluster_id").get_to(record.source_cluster_id);
    value.at("target_cluster_id").get_to(record.target_cluster_id);
    record.topic_prefix = value.value("topic_prefix", "");
    record.producer_id = whole<int64_t>(value.at("producer").at(0), -1);
    record.producer_epoch = whole<int16_t>(value.at("producer").at(1), -1);
    record.filler_id = whole<int64_t>(value.at("filler").at(0), -1);
    record.filler_epoch = whole<int16_t>(value.at("filler").at(1), -1);
    return record;
  });
}

Result<std::optional<TopicRecord>> LoadedState::topic(const TopicName& source) const {
  return read_record(records_, topic_key(source), [](const json& value) {
    TopicRecord record;
    value.at("source_id").get_to(record.source_id);
    value.at("created").get_to(record.created);
    value.at("finished").get_to(record.finished);
    return record;
  });
}

Result<std::optional<PartitionRecord>> LoadedState::partition(const TopicPartition& source) const {
  return read_record(records_, partition_key(source), [](const json& value) {
    PartitionRecord record;
    value.at("identity").get_to(record.identity);
    record.reference.source = offset_of<SourceOffset>(value.at("source"));
    record.reference.target = offset_of<TargetOffset>(value.at("target"));
    record.reference.copied = whole<int64_t>(value.at("copied"), 0);
    record.why_not_identity = value.value("why_not_identity", "");
    record.epochs_since = whole_or<int16_t>(value, "epochs_since", 0, 0);
    record.copied_before = whole_or<int64_t>(value, "copied_before", 0, 0);
    if (value.contains("fill_to")) record.fill_to = offset_of<SourceOffset>(value.at("fill_to"));
    record.topic_id = value.value("topic_id", "");
    record.gap_producers = value.value("gap_producers", std::vector<int64_t>{});
    if (value.contains("others_from"))
      record.others_from = offset_of<TargetOffset>(value.at("others_from"));
    if (value.contains("mixed"))
      record.mixed = {offset_of<SourceOffset>(value.at("mixed").at(0)),
                      offset_of<SourceOffset>(value.at("mixed").at(1)),
                      offset_of<TargetOffset>(value.at("mixed").at(2))};
    return record;
  });
}

Result<SourcePlan> LoadedState::plan(const TopicPartition& source) const {
  KFERRY_TRY(const auto plan, read_record(records_, plan_key(source), [](const json& value) {
               SourcePlan read;
               for (const json& one : value)
                 read.emplace_back(whole<int64_t>(one.at(0), 0),
                                   offset_of<SourceOffset>(one.at(1)));
               return read;
             }));
  return plan.value_or(SourcePlan{});
}

Result<OffsetMap> LoadedState::map(const TopicPartition& source) const {
  OffsetMap map;
  for (size_t chunk = 0;; ++chunk) {
    KFERRY_TRY(const auto runs,
               read_record(records_, runs_key(source, chunk), [](const json& value) {
                 std::vector<OffsetRun> read;
                 for (const json& one : value)
                   read.push_back(
                       {offset_of<SourceOffset>(one.at(0)), offset_of<TargetOffset>(one.at(1))});
                 return read;
               }));
    if (!runs) return map;
    for (const OffsetRun& run : *runs) map.add(run);
  }
}

}  // namespace kferry::replicate
