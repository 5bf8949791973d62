#include "doctor/judge.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

namespace kferry::doctor {
namespace {

// Apart by more than that, the records' timestamps, retention and the log lines of the night do not
// fit together.
constexpr int64_t kClockToleranceMs = 10'000;

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

Finding out_of_reach(const std::string& where, const Error& error) {
  const bool refused = error.kind == ErrorKind::kNotAuthorised;
  return {refused ? Level::kDenied : Level::kUnreachable,
          refused ? "login" : "reach",
          where,
          first_line(error.message),
          refused ? "nobody is let in with these credentials"
                  : "kferry, and clients that run here, talk to every server by this address",
          error.hint.empty()
              ? "check the address, the network between here and there, and that the "
                "server is up"
              : error.hint};
}

void judge_cluster_reach(const ClusterFacts& cluster, Findings& findings) {
  const std::string side(to_string(cluster.side));
  if (cluster.trouble) {
    findings.push_back(out_of_reach(fmt::format("{} {}", side, cluster.servers), *cluster.trouble));
    return;
  }
  std::vector<std::string> reached;
  std::map<std::string, std::vector<std::string>> versions;
  for (const BrokerFacts& broker : cluster.brokers) {
    const std::string name =
        fmt::format("broker {} at {}", broker.id, wire::to_string(broker.address));
    if (!broker.version) {
      Finding finding = out_of_reach(fmt::format("{}, {}", side, name), broker.version.error());
      if (finding.level == Level::kUnreachable)
        finding.next =
            "advertised.listeners of this broker must name an address that can be reached from "
            "here; " +
            finding.next;
      findings.push_back(std::move(finding));
      continue;
    }
    reached.push_back(name);
    versions[*broker.version].push_back(fmt::format("broker {}", broker.id));
  }
  if (!reached.empty())
    findings.push_back(
        {Level::kFine, "reach", side,
         fmt::format("reached by the advertised address, and let in: {}", names_in_short(reached)),
         "", ""});
  std::vector<std::string> said;
  for (const auto& [version, brokers] : versions)
    said.push_back(fmt::format("{} ({})", version, names_in_short(brokers)));
  if (versions.empty()) return;
  findings.push_back({versions.size() > 1 ? Level::kNote : Level::kFine, "version", side,
                      fmt::format("by the requests that they speak: {}", fmt::join(said, ", ")),
                      versions.size() > 1 ? "an upgrade seems to be under way" : "",
                      versions.size() > 1 ? "finish it before the move" : ""});
}

void judge_zookeeper_reach(const DoctorFacts& facts, Findings& findings) {
  if (!facts.zookeeper) return;
  const ZooKeeperFacts& zookeeper = *facts.zookeeper;
  std::vector<std::string> reached;
  for (const ZooKeeperServerFacts& server : zookeeper.servers) {
    if (server.reached)
      reached.push_back(server.address);
    else
      findings.push_back(
          out_of_reach("ZooKeeper server " + server.address, server.reached.error()));
  }
  if (!reached.empty())
    findings.push_back(
        {Level::kFine, "reach", "ZooKeeper", "reached: " + names_in_short(reached), "", ""});
  if (zookeeper.trouble) {
    const bool told = zookeeper.trouble->kind == ErrorKind::kUnreachable && reached.empty();
    if (!told)
      findings.push_back(out_of_reach("ZooKeeper " + zookeeper.connect, *zookeeper.trouble));
    return;
  }
  if (!zookeeper.consumers_exist)
    findings.push_back({Level::kAttention, "reach", "ZooKeeper " + zookeeper.connect,
                        "there is no /consumers in it",
                        "no group has offsets there, or the chroot is wrong",
                        "compare with zookeeper.connect of the brokers: the chroot stands once, at "
                        "the end"});
  const auto registered = [&](const BrokerFacts& broker) {
    return zookeeper.broker_ids.contains(broker.id.value());
  };
  if (!zookeeper.broker_ids.empty() && !facts.source.brokers.empty() &&
      std::ranges::none_of(facts.source.brokers, registered))
    findings.push_back({Level::kAttention, "reach", "ZooKeeper " + zookeeper.connect,
                        "none of the source's brokers is registered in it",
                        "it belongs to another cluster: its offsets mean nothing on this one",
                        "check --zookeeper and the source's addresses"});
}

void judge_clocks_of(const ClusterFacts& cluster, Findings& findings) {
  const std::string side(to_string(cluster.side));
  constexpr const char* kWhy =
      "timestamps, retention and expiry are reckoned by the servers' clocks";
  std::vector<std::string> fine;
  for (const ClockFacts& clock : cluster.clocks) {
    if (std::abs(clock.ahead_of_ms) <= kClockToleranceMs + clock.uncertain_ms) {
      fine.push_back(fmt::format("{} and {} ({})", clock.whose, clock.other, clock.how));
      continue;
    }
    findings.push_back(
        {Level::kAttention, "clock", fmt::format("{}, {}", side, clock.whose),
         fmt::format("{:.1f} s {} {} ({})", static_cast<double>(std::abs(clock.ahead_of_ms)) / 1000,
                     clock.ahead_of_ms > 0 ? "ahead of" : "behind", clock.other, clock.how),
         kWhy, "synchronise the clocks (NTP)"});
  }
  if (!fine.empty())
    findings.push_back({Level::kFine, "clock", side,
                        "within 10 s of one another: " + names_in_short(fine, 3), "", ""});
  if (cluster.trouble || !cluster.clocks.empty()) return;
  findings.push_back({Level::kUnknown, "clock", side,
                      fmt::format("the time of its servers is unknown: {}",
                                  cluster.clock_unread.empty() ? "there was no way to read it"
                                                               : cluster.clock_unread),
                      kWhy, "see on the machines that they are synchronised (NTP)"});
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::kFine:
      return "ok";
    case Level::kNote:
      return "note";
    case Level::kUnknown:
      return "unknown";
    case Level::kAttention:
      return "attention";
    case Level::kUnreachable:
      return "unreachable";
    case Level::kDenied:
      return "denied";
  }
  return "unknown";
}

std::string names_in_short(const std::vector<std::string>& names, size_t most) {
  const size_t shown = names.size() > most + 1 ? most : names.size();
  std::string text;
  for (size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

void judge_reach(const DoctorFacts& facts, Findings& findings) {
  judge_zookeeper_reach(facts, findings);
  judge_cluster_reach(facts.source, findings);
  if (facts.target) judge_cluster_reach(*facts.target, findings);
}

void judge_clocks(const DoctorFacts& facts, Findings& findings) {
  judge_clocks_of(facts.source, findings);
  if (facts.target) judge_clocks_of(*facts.target, findings);
}

Findings judge(const DoctorFacts& facts) {
  Findings findings;
  judge_reach(facts, findings);
  judge_clocks(facts, findings);
  judge_rights(facts, findings);
  judge_topics(facts, findings);
  judge_identity(facts, findings);
  judge_brokers(facts, findings);
  judge_offsets(facts, findings);
  std::ranges::stable_sort(findings, std::ranges::greater(), &Finding::level);
  return findings;
}

}  // namespace kferry::doctor
