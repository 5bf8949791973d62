#include "cli/verification.h"

#include <fmt/format.h>

#include "base/log.h"
#include "migrate/expectation.h"
#include "migrate/planner.h"
#include "verify/compare.h"

namespace kferry::cli {
namespace {

constexpr Duration kReadTimeout{10 * 60'000};

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

Result<migrate::Facts> gather_for_verification(Session& session, migrate::GatherRequest request) {
  request.broker_read = false;
  request.quiet_samples = 0;
  return session.gather(request);
}

Result<verify::DiffReport> verify_facts(Session& session, const migrate::Facts& facts,
                                        const std::optional<migrate::Plan>& plan) {
  const auto expected = expectations(facts, plan);
  std::string note;
  KFERRY_TRY(auto kafka, read_kafka(session, expected, note));

  verify::DiffReport report;
  report.verb = "verify";
  report.generated_at_ms = wall_clock_ms();
  report.tool_version = KFERRY_VERSION;
  report.source = {facts.zookeeper, facts.cluster_id, facts.bootstrap_servers};
  for (const auto& group : expected) {
    report.groups.push_back(verify::compare(group, kafka.at(group.group)));
    if (!note.empty()) report.groups.back().evidence.notes.push_back(note);
  }
  return report;
}

}  // namespace kferry::cli
