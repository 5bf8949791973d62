#include "verify/report_json.h"

#include "base/clock.h"
#include "verify/report_fields.h"

namespace kferry::verify {
namespace {

constexpr Outcome kAllOutcomes[] = {
    Outcome::kMigrated, Outcome::kEqual,        Outcome::kKafkaAhead, Outcome::kPending,
    Outcome::kNoOffset, Outcome::kSkipped,      Outcome::kRefused,    Outcome::kFailed,
    Outcome::kDenied,   Outcome::kNotAttempted, Outcome::kDifferent,  Outcome::kMissing,
    Outcome::kRestored, Outcome::kDeleted};

constexpr ErrorKind kAllErrorKinds[] = {ErrorKind::kFailed,        ErrorKind::kUsage,
                                        ErrorKind::kRefused,       ErrorKind::kUnreachable,
                                        ErrorKind::kNotAuthorised, ErrorKind::kPartlyDone,
                                        ErrorKind::kInterrupted};

std::optional<ErrorKind> parse_error_kind(std::string_view text) {
  for (const ErrorKind kind : kAllErrorKinds)
    if (kferry::to_string(kind) == text) return kind;
  return std::nullopt;
}

std::optional<std::string> maybe_rfc3339(std::optional<int64_t> epoch_ms) {
  return epoch_ms.transform([](int64_t ms) { return to_rfc3339(ms); });
}

void write(JsonWriter& writer, const PartitionReport& partition) {
  writer.begin_line();
  writer.field("topic", partition.topic.value());
  writer.field("partition", partition.partition.value());
  writer.field("zookeeper_offset", partition.zookeeper_offset);
  writer.field("kafka_offset_before", partition.kafka_offset_before);
  writer.field("kafka_offset", partition.kafka_offset);
  writer.field("log_start_offset", partition.log_start_offset);
  writer.field("log_end_offset", partition.log_end_offset);
  writer.field("outcome", to_string(partition.outcome));
  writer.field("verdict", partition.verdict);
  writer.field("detail", partition.detail);
  writer.end();
}

void write(JsonWriter& writer, const GroupReport& group) {
  writer.begin_object();
  writer.field("group", group.group.value());
  writer.field("team", group.team);
  writer.field("layout", group.layout);
  writer.field("convention", group.convention);
  writer.key("evidence");
  write_evidence(writer, group.evidence);
  writer.field("expires_at", maybe_rfc3339(group.expires_at_ms));
  writer.field("detail", group.detail);
  writer.key("partitions").begin_array();
  for (const PartitionReport& partition : group.partitions) write(writer, partition);
  writer.end();
  writer.end();
}

void write_summary(JsonWriter& writer, const DiffReport& report) {
  const std::map<Outcome, int64_t> counts = summarise(report);
  writer.begin_object();
  writer.field("groups", report.groups.size());
  writer.field("partitions", count_partitions(report));
  writer.key("outcomes").begin_object();
  for (const Outcome outcome : kAllOutcomes) {
    const auto found = counts.find(outcome);
    writer.field(to_string(outcome), found == counts.end() ? 0 : found->second);
  }
  writer.end();
  writer.end();
}

void write_error(JsonWriter& writer, const std::optional<Error>& error) {
  if (!error) return writer.value(std::optional<std::string>());
  writer.begin_object();
  writer.field("kind", kferry::to_string(error->kind));
  writer.field("message", error->message);
  writer.field("hint", error->hint);
  writer.end();
}

PartitionReport read_partition(Fields& fields) {
  PartitionReport partition;
  partition.topic = TopicName(fields.text("topic"));
  partition.partition = Partition(
      static_cast<int32_t>(fields.number("partition", 0, std::numeric_limits<int32_t>::max())));
  partition.zookeeper_offset = fields.maybe_number("zookeeper_offset");
  partition.kafka_offset_before = fields.maybe_number("kafka_offset_before");
  partition.kafka_offset = fields.maybe_number("kafka_offset");
  partition.log_start_offset = fields.maybe_number("log_start_offset");
  partition.log_end_offset = fields.maybe_number("log_end_offset");
  partition.outcome = fields.named("outcome", parse_outcome);
  partition.verdict = fields.text("verdict");
  partition.detail = fields.text("detail");
  fields.no_others();
  return partition;
}

GroupReport read_group(Fields& fields) {
  GroupReport group;
  group.group = GroupId(fields.text("group"));
  group.team = fields.maybe_text("team");
  group.layout = fields.text("layout");
  group.convention = fields.text("convention");
  group.evidence = read_evidence(fields.object("evidence"));
  group.expires_at_ms = fields.maybe_time("expires_at");
  group.detail = fields.text("detail");
  fields.taken_out("partitions");
  fields.no_others();
  return group;
}

// The summary and the exit code follow from the rest: a report that contradicts itself was edited.
void check_summary(Fields summary, const DiffReport& report) {
  const auto check = [](Fields& fields, std::string_view name, int64_t count) {
    if (fields.number(name) != count) fields.fail(name, fmt::format("should be {}", count));
  };
  std::map<Outcome, int64_t> counts = summarise(report);
  check(summary, "groups", std::ssize(report.groups));
  check(summary, "partitions", count_partitions(report));
  Fields outcomes = summary.object("outcomes");
  for (const Outcome outcome : kAllOutcomes) {
    const bool is_old = outcome == Outcome::kDenied && !outcomes.has("denied");
    if (!is_old || counts[outcome] != 0) check(outcomes, to_string(outcome), counts[outcome]);
  }
  outcomes.no_others();
  summary.no_others();
}

void read_head(Fields& fields, DiffReport& report) {
  report.verb = fields.text("verb");
  report.generated_at_ms = fields.time("generated_at");
  report.tool_version = fields.text("tool_version");
  report.source = read_source(fields.object("source"));
  report.executed = fields.truth("executed");
  if (std::optional<Fields> error = fields.maybe_object("error")) {
    report.error = Error{error->named("kind", parse_error_kind), error->text("message"),
                         error->text("hint"), 0};
    error->no_others();
  }
}

}  // namespace

void write_source(JsonWriter& writer, const Source& source) {
  writer.begin_object();
  writer.field("zookeeper",
               source.zookeeper.empty() ? std::nullopt : std::optional(source.zookeeper));
  writer.field("cluster_id", source.cluster_id);
  writer.field("bootstrap_servers", source.bootstrap_servers);
  writer.end();
}

void write_evidence(JsonWriter& writer, const Evidence& evidence) {
  writer.begin_object();
  writer.field("registered_consumers", evidence.registered_consumers);
  writer.field("owned_partitions", evidence.owned_partitions);
  writer.field("kafka_group_state", evidence.kafka_group_state);
  writer.field("kafka_members", evidence.kafka_members);
  writer.field("samples", evidence.samples);
  writer.field("sampled_for_ms", evidence.sampled_for_ms);
  writer.field("changed_nodes", evidence.changed_nodes);
  writer.field("reads", evidence.reads);
  writer.key("notes").begin_array();
  for (const std::string& note : evidence.notes) writer.value(note);
  writer.end();
  writer.end();
}

Source read_source(Fields fields) {
  Source source{fields.maybe_text("zookeeper").value_or(""), fields.maybe_text("cluster_id"),
                fields.text("bootstrap_servers")};
  fields.no_others();
  return source;
}

Evidence read_evidence(Fields fields) {
  Evidence evidence;
  evidence.registered_consumers = fields.maybe_number("registered_consumers");
  evidence.owned_partitions = fields.maybe_number("owned_partitions");
  evidence.kafka_group_state = fields.text("kafka_group_state");
  evidence.kafka_members = fields.number("kafka_members");
  evidence.samples = fields.number("samples");
  evidence.sampled_for_ms = fields.number("sampled_for_ms");
  evidence.changed_nodes = fields.number("changed_nodes");
  evidence.reads = fields.text("reads");
  evidence.notes = fields.texts("notes");
  fields.no_others();
  return evidence;
}

std::string to_json(const DiffReport& report) {
  std::string json;
  JsonWriter writer([&](std::string_view piece) { json += piece; });
  writer.begin_object();
  writer.field("schema", DiffReport::kSchema);
  writer.field("verb", report.verb);
  writer.field("generated_at", to_rfc3339(report.generated_at_ms));
  writer.field("tool_version", report.tool_version);
  writer.key("source");
  write_source(writer, report.source);
  writer.field("executed", report.executed);
  writer.key("groups").begin_array();
  for (const GroupReport& group : report.groups) write(writer, group);
  writer.end();
  writer.key("summary");
  write_summary(writer, report);
  writer.field("exit_code", exit_code_of(report));
  writer.key("error");
  write_error(writer, report.error);
  writer.end();
  writer.finish();
  return json;
}

Result<DiffReport> parse_report(const std::string& json) {
  DiffReport report;
  std::vector<PartitionReport> partitions;
  Reading reading;
  const auto rest =
      parse_grouped(reading, json,
                    {[&](Fields& fields) { partitions.push_back(read_partition(fields)); },
                     [&](Fields& fields) {
                       report.groups.push_back(read_group(fields));
                       report.groups.back().partitions = std::exchange(partitions, {});
                     }});
  const auto in_report = [](Error error) {
    return in_context(std::move(error), "reading the report");
  };
  if (!rest) return std::unexpected(in_report(rest.error()));
  // Before anything else: a later version may have any other field.
  const auto schema = rest->find("schema");
  if (schema == rest->end() || *schema != DiffReport::kSchema)
    return fail(ErrorKind::kUsage,
                fmt::format("reading the report: /schema is not '{}'", DiffReport::kSchema),
                "pass a report that this version of kferry has written");
  Fields fields(reading, *rest, "");
  fields.text("schema");
  read_head(fields, report);
  fields.taken_out("groups");
  check_summary(fields.object("summary"), report);
  if (fields.number("exit_code") != exit_code_of(report))
    fields.fail("exit_code", fmt::format("should be {}", exit_code_of(report)));
  fields.no_others();
  if (reading.failed()) return std::unexpected(in_report(reading.error()));
  return report;
}

}  // namespace kferry::verify
