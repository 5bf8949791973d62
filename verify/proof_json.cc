// The proof's report as JSON, written and read.
#include <fmt/format.h>

#include "base/clock.h"
#include "verify/json_reader.h"
#include "verify/json_writer.h"
#include "verify/proof_report.h"
#include "verify/range_digest.h"

namespace kferry::verify {
namespace {

using nlohmann::json;

constexpr std::string_view kSchema = "kferry/prove-report/v1";

void write_scope(JsonWriter& writer, const ProofScope& scope) {
  writer.key("scope");
  writer.begin_object();
  writer.field("source", scope.source);
  writer.field("target", scope.target);
  writer.field("topics", scope.topics);
  writer.field("groups", scope.groups);
  writer.field("prefix", scope.prefix);
  writer.field("flow", scope.flow);
  writer.field("sample_percent", scope.sample_percent);
  writer.field("records_via", scope.records_via);
  writer.field("range_offsets", kRangeOffsets);
  writer.end();
}

void write_summary(JsonWriter& writer, const ProofSummary& sum) {
  writer.key("summary");
  writer.begin_object();
  writer.field("partitions", sum.partitions);
  writer.field("equal", sum.equal);
  writer.field("differing", sum.differing);
  writer.field("unread", sum.unread);
  writer.field("records", sum.records);
  writer.field("bytes", sum.bytes);
  writer.field("ranges", sum.ranges);
  writer.field("group_offsets", sum.group_offsets);
  writer.field("differing_offsets", sum.differing_offsets);
  writer.end();
}

void write_texts(JsonWriter& writer, std::string_view name, const std::vector<std::string>& texts) {
  writer.key(name);
  writer.begin_array();
  for (const std::string& text : texts) writer.value(text);
  writer.end();
}

void write_group(JsonWriter& writer, const GroupProof& one) {
  writer.begin_line();
  writer.field("group", one.group);
  writer.field("topic", one.source.topic.value());
  writer.field("partition", one.source.partition.value());
  writer.field("source_offset", one.source_offset);
  writer.field("expected", one.expected);
  writer.field("target_offset", one.target_offset);
  writer.field("outcome", to_string(one.outcome));
  writer.end();
}

void write_difference(JsonWriter& writer, const std::optional<RecordDifference>& difference) {
  writer.key("difference");
  if (!difference) {
    writer.value(std::optional<int64_t>());
    return;
  }
  writer.begin_object();
  writer.field("kind", to_string(difference->kind));
  writer.field("offset", difference->offset);
  writer.field("target_offset", difference->target_offset);
  writer.field("detail", difference->detail);
  writer.end();
}

void write_partition(JsonWriter& writer, const PartitionProof& one) {
  writer.begin_line();
  writer.field("topic", one.source.topic.value());
  writer.field("partition", one.source.partition.value());
  writer.field("target_topic", one.target_topic.value());
  writer.field("offsets", one.identity ? "identity" : "translated");
  writer.field("source_begin", one.source_begin);
  writer.field("source_end", one.source_end);
  writer.field("target_begin", one.target_begin);
  writer.field("target_end", one.target_end);
  writer.field("compared_to", one.compared_to);
  writer.field("records", one.records);
  writer.field("bytes", one.bytes);
  writer.field("ranges", one.ranges);
  writer.field("differing_ranges", one.differing_ranges);
  writer.field("compacted", one.compacted);
  writer.field("foreign", one.foreign);
  write_difference(writer, one.difference);
  writer.field("trouble", one.trouble.empty() ? std::nullopt : std::optional(one.trouble));
  writer.end();
}

ProofScope read_scope(Fields fields) {
  ProofScope scope;
  scope.source = fields.text("source");
  scope.target = fields.text("target");
  scope.topics = fields.text("topics");
  scope.groups = fields.text("groups");
  scope.prefix = fields.text("prefix");
  scope.flow = fields.text("flow");
  scope.sample_percent = static_cast<int>(fields.number("sample_percent", 1, 100));
  scope.records_via = fields.text("records_via");
  fields.number("range_offsets", kRangeOffsets, kRangeOffsets);
  fields.no_others();
  return scope;
}

TopicPartition read_name(Fields& fields) {
  const std::string topic = fields.text("topic");
  const int64_t partition = fields.number("partition", 0, std::numeric_limits<int32_t>::max());
  return {TopicName(topic), Partition(static_cast<int32_t>(partition))};
}

GroupProof read_group(Fields fields) {
  GroupProof one{.group = fields.text("group"), .source = read_name(fields)};
  one.source_offset = fields.number("source_offset");
  one.expected = fields.maybe_number("expected");
  one.target_offset = fields.maybe_number("target_offset");
  one.outcome = fields.named("outcome", parse_group_outcome);
  fields.no_others();
  return one;
}

RecordDifference read_difference(Fields fields) {
  RecordDifference difference;
  difference.kind = fields.named("kind", parse_difference_kind);
  difference.offset = fields.number("offset");
  difference.target_offset = fields.maybe_number("target_offset");
  difference.detail = fields.text("detail");
  fields.no_others();
  return difference;
}

PartitionProof read_partition(Fields fields) {
  PartitionProof one{.source = read_name(fields)};
  one.target_topic = TopicName(fields.text("target_topic"));
  one.identity = fields.text("offsets") == "identity";
  one.source_begin = fields.number("source_begin");
  one.source_end = fields.number("source_end");
  one.target_begin = fields.number("target_begin");
  one.target_end = fields.number("target_end");
  one.compared_to = fields.number("compared_to");
  one.records = fields.number("records");
  one.bytes = fields.number("bytes");
  one.ranges = fields.number("ranges");
  one.differing_ranges = fields.number("differing_ranges");
  one.compacted = fields.number("compacted");
  one.foreign = fields.number("foreign");
  if (auto difference = fields.maybe_object("difference"))
    one.difference = read_difference(*std::move(difference));
  one.trouble = fields.maybe_text("trouble").value_or("");
  fields.no_others();
  return one;
}

// `read` gets the fields of each element of an array.
template <class Read>
void read_array(Reading& reading, const json& document, const std::string& name, Read read) {
  const std::string pointer = "/" + name;
  if (!document.contains(name) || !document[name].is_array())
    return reading.fail_at(pointer, "is not an array");
  size_t index = 0;
  for (const json& one : document[name])
    read(Fields(reading, one, pointer + "/" + std::to_string(index++)));
}

}  // namespace

std::string to_json(const ProofReport& report) {
  std::string text;
  JsonWriter writer([&](std::string_view piece) { text += piece; });
  writer.begin_object();
  writer.field("schema", kSchema);
  writer.field("tool_version", KFERRY_VERSION);
  writer.field("started_at", to_rfc3339(report.started_at_ms));
  writer.field("seconds", report.seconds);
  writer.field("complete", report.complete);
  writer.field("equal", report.complete && exit_code_of(report) == 0);
  write_scope(writer, report.scope);
  write_summary(writer, summarise(report));
  write_texts(writer, "differences", report.differences);
  write_texts(writer, "notes", report.notes);
  writer.key("groups");
  writer.begin_array();
  for (const GroupProof& one : report.groups) write_group(writer, one);
  writer.end();
  writer.key("partitions");
  writer.begin_array();
  for (const PartitionProof& one : report.partitions) write_partition(writer, one);
  writer.end();
  writer.end();
  writer.finish();
  return text;
}

Result<ProofReport> parse_proof(const std::string& text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return fail(ErrorKind::kUsage, "it is no JSON object");
  Reading reading;
  Fields fields(reading, document, "");
  if (fields.text("schema") != kSchema) fields.fail("schema", fmt::format("is not '{}'", kSchema));
  fields.text("tool_version");
  ProofReport report;
  report.started_at_ms = fields.time("started_at");
  report.seconds = fields.number("seconds");
  report.complete = fields.truth("complete");
  fields.truth("equal");
  report.scope = read_scope(fields.object("scope"));
  report.differences = fields.texts("differences");
  report.notes = fields.texts("notes");
  read_array(reading, document, "groups",
             [&](Fields one) { report.groups.push_back(read_group(std::move(one))); });
  read_array(reading, document, "partitions",
             [&](Fields one) { report.partitions.push_back(read_partition(std::move(one))); });
  if (reading.failed()) return std::unexpected(reading.error());
  return report;
}

}  // namespace kferry::verify
