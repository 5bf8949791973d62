// kferry verify: ZooKeeper against Kafka, at any time, through another Kafka client than the
// migration's.
#include <fmt/format.h>
#include <boost/program_options/value_semantic.hpp>

#include "base/log.h"
#include "cli/report_output.h"
#include "cli/session.h"
#include "migrate/expectation.h"
#include "migrate/plan_file.h"
#include "migrate/planner.h"
#include "verify/compare.h"

namespace kferry::cli {

namespace po = boost::program_options;

OptionsDescription verify_options() {
  OptionsDescription options;
  options.add(describe_common()).add(describe_selection()).add(describe_report());
  options.add_options()("plan", po::value<std::string>()->value_name("FILE"),
                        "compare with this plan's targets");
  return options;
}

namespace {

constexpr Duration kReadTimeout{10 * 60'000};

// What shall be looked at: the plan's groups as the plan describes them.
migrate::GatherRequest request_of(const migrate::Plan& plan) {
  migrate::GatherRequest request;
  request.scan.groups.emplace();
  for (const auto& group : plan.groups) {
    if (group.external)
      request.scan.external.push_back(*group.external);
    else
      request.scan.groups->push_back(group.group);
    request.settings[group.group] = {group.team, group.convention, group.layout};
  }
  return request;
}

std::vector<verify::ExpectedGroup> expectations(const migrate::Facts& facts,
                                                const std::optional<migrate::Plan>& plan) {
  const migrate::Plan now = migrate::make_plan(facts, {}, KFERRY_VERSION);
  std::map<GroupId, const migrate::PlannedGroup*> today;
  for (const auto& group : now.groups) today[group.group] = &group;
  std::vector<verify::ExpectedGroup> expected;
  if (plan) {
    for (const auto& group : plan->groups) {
      const auto found = today.find(group.group);
      expected.push_back(
          migrate::expect_from_plan(group, found == today.end() ? nullptr : found->second));
    }
    return expected;
  }
  for (const auto& facts_of_group : facts.groups)
    expected.push_back(migrate::expect_from_zookeeper(*today.at(facts_of_group.zookeeper.group),
                                                      facts_of_group.receipts));
  return expected;
}

// Kafka's side through librdkafka, our second opinion; through our own codec where librdkafka
// cannot.
Result<groupproto::OffsetsByGroup> read_kafka(Session& session,
                                              const std::vector<verify::ExpectedGroup>& expected,
                                              std::string& note) {
  std::vector<std::pair<GroupId, std::vector<TopicPartition>>> queries;
  for (const auto& group : expected) {
    queries.emplace_back(group.group, std::vector<TopicPartition>());
    for (const auto& one : group.partitions)
      queries.back().second.push_back({one.topic, one.partition});
  }
  const Wait wait(Deadline::after(kReadTimeout), session.stop());
  KFERRY_TRY(kafkaio::Admin* const admin, session.admin());
  auto read = admin->committed_offsets(queries, wait);
  if (read) {
    groupproto::OffsetsByGroup offsets;
    for (auto& [group, result] : *read) {
      if (!result) {
        offsets.emplace(group, std::unexpected(result.error()));
        continue;
      }
      groupproto::GroupOffsets of_group;
      for (const auto& [partition, offset] : *result) of_group[partition] = {offset, {}};
      offsets.emplace(group, std::move(of_group));
    }
    return offsets;
  }
  if (read.error().kind == ErrorKind::kInterrupted) return std::unexpected(read.error());
  note = fmt::format("librdkafka could not read the offsets ({}); read with kferry's own client",
                     read.error().message);
  log::warn(note);
  groupproto::Coordinators coordinators(session.cluster());
  std::vector<groupproto::OffsetsQuery> own;
  for (auto& [group, partitions] : queries) own.push_back({group, std::move(partitions)});
  return groupproto::fetch_kafka_offsets(coordinators, own, wait);
}

}  // namespace

Result<int> run_verify(const std::vector<std::string>& arguments, const StopToken& stop,
                       Output& output) {
  KFERRY_TRY(const Values values, parse(arguments, verify_options()));
  KFERRY_TRY(const CommonOptions common, read_common(values));
  KFERRY_TRY(const SelectionOptions selection, read_selection(values));
  const std::string plan_file = text_of(values, "plan");
  std::optional<migrate::Plan> plan;
  if (!plan_file.empty()) {
    KFERRY_TRY(const std::string text, read_file(plan_file, "--plan"));
    auto parsed = migrate::parse_plan(text);
    if (!parsed) return std::unexpected(in_context(parsed.error(), plan_file));
    plan = std::move(*parsed);
  }
  KFERRY_TRY(const Settings settings,
             plan ? read_settings(common, plan->source) : read_settings(common));
  KFERRY_TRY(const auto session, Session::open(settings, stop));
  migrate::GatherRequest request;
  if (plan) {
    request = request_of(*plan);
  } else {
    KFERRY_TRY(request, session->select(selection, false));
  }
  request.broker_read = false;
  request.quiet_samples = 0;
  KFERRY_TRY(const migrate::Facts facts, session->gather(request));
  if (plan && plan->source.cluster_id && facts.cluster_id != plan->source.cluster_id)
    return fail(
        ErrorKind::kRefused,
        fmt::format("the plan is for cluster {}, but {} is cluster {}", *plan->source.cluster_id,
                    settings.bootstrap, facts.cluster_id.value_or("unknown")),
        "check --bootstrap-server");
  const auto expected = expectations(facts, plan);
  std::string note;
  KFERRY_TRY(auto kafka, read_kafka(*session, expected, note));

  verify::DiffReport report;
  report.verb = "verify";
  report.generated_at_ms = wall_clock_ms();
  report.tool_version = KFERRY_VERSION;
  report.source = {facts.zookeeper, facts.cluster_id, facts.bootstrap_servers};
  for (const auto& group : expected) {
    report.groups.push_back(verify::compare(group, kafka.at(group.group)));
    if (!note.empty()) report.groups.back().evidence.notes.push_back(note);
  }
  return emit_report(report, values, common.format, output);
}

}  // namespace kferry::cli
