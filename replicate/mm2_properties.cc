#include "replicate/mm2_properties.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "replicate/mm2_clients.h"
#include "replicate/mm2_keys.h"
#include "replicate/patterns.h"

namespace kferry::replicate {
namespace {

constexpr std::string_view kDefaultPolicy =
    "org.apache.kafka.connect.mirror.DefaultReplicationPolicy";
constexpr std::string_view kIdentityPolicy =
    "org.apache.kafka.connect.mirror.IdentityReplicationPolicy";
// Strimzi's, from before Kafka had one.
constexpr std::string_view kStrimziPolicy =
    "io.strimzi.kafka.connect.mirror.IdentityReplicationPolicy";

std::string trimmed(const std::string& text) {
  constexpr const char* kBlanks = " \t\r\n\f";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t comma = std::min(list.find(',', begin), list.size());
    if (std::string part = trimmed(list.substr(begin, comma - begin)); !part.empty())
      parts.push_back(std::move(part));
    begin = comma + 1;
  }
  return parts;
}

class Mm2Reader {
 public:
  explicit Mm2Reader(const Mm2Input& input) : input_(input) {
    for (auto& [key, value] : input_.properties) value = trimmed(value);
  }

  Result<Mm2Flow> read();

 private:
  // Where a key stands: what is left of it without its prefix.
  enum class Place { kTop, kFlow, kSource, kTarget, kElsewhere };

  Result<> choose_flow();
  void look_at(const std::string& key, const std::string& value);
  void look_at_cluster_key(const std::string& key, const std::string& rest,
                           const std::string& value, bool is_source);
  void look_at_client_key(const std::string& key, const std::string& rest, const std::string& value,
                          bool source_consumer);
  // Whether it is one; then it is noted, or objected to.
  bool look_at_known(const std::string& key, const std::string& rest, const std::string& value);
  std::pair<Place, std::string> place_of(const std::string& key) const;

  // The value in force, and the key that gave it.
  using Found = std::pair<std::string, std::string>;
  std::optional<Found> find(const std::string& key) const;
  std::string text(const std::string& key, std::string_view by_default) const;
  bool truth(const std::string& key, bool by_default);
  int64_t number(const std::string& key, int64_t lowest, int64_t highest, int64_t by_default);
  void interval(const std::string& key, Duration& out);
  void patterns(const std::string& key, const std::string& old_key, std::string_view by_default,
                std::vector<std::regex>& out);
  void read_names();
  void read_emitted();

  void note(const std::string& key, std::string_view why) {
    flow_.notes.push_back({key, std::string(why)});
  }
  void object(const std::string& key, std::string_view why) {
    objections_.push_back(fmt::format("{}: {}", key, why));
  }

  Mm2Input input_;
  Mm2Pair pair_;
  std::vector<std::string> clusters_;
  Mm2Flow flow_;
  std::vector<std::string> objections_;
};

Result<> Mm2Reader::choose_flow() {
  const auto wrong = [&](const std::string& what, std::string hint) {
    return fail(ErrorKind::kUsage, fmt::format("{}: {}", input_.origin, what), std::move(hint));
  };
  clusters_ = split(input_.properties["clusters"]);
  if (clusters_.size() < 2)
    return wrong("`clusters` names fewer than two clusters", "clusters = a, b");
  std::vector<Mm2Pair> enabled;
  for (const std::string& source : clusters_)
    for (const std::string& target : clusters_) {
      const Mm2Pair pair{source, target};
      if (source == target) continue;
      const auto found = input_.properties.find(pair.name() + ".enabled");
      if (found != input_.properties.end() && lower(found->second) == "true")
        enabled.push_back(pair);
    }
  std::string names;
  for (const Mm2Pair& pair : enabled) names += (names.empty() ? "" : ", ") + pair.name();
  if (enabled.empty())
    return wrong("no flow is enabled",
                 fmt::format("set {}->{}.enabled = true", clusters_[0], clusters_[1]));
  if (input_.flow.empty() && enabled.size() > 1)
    return wrong(fmt::format("several flows are enabled: {}", names),
                 "choose one with --flow; each runs in a process of its own");
  for (const Mm2Pair& pair : enabled)
    if (input_.flow.empty() || pair.name() == input_.flow) {
      pair_ = pair;
      return {};
    }
  return wrong(fmt::format("no flow '{}' is enabled", input_.flow),
               fmt::format("enabled are: {}", names));
}

std::pair<Mm2Reader::Place, std::string> Mm2Reader::place_of(const std::string& key) const {
  const auto rest_behind = [&](const std::string& prefix) -> std::optional<std::string> {
    if (!key.starts_with(prefix + ".")) return std::nullopt;
    return key.substr(prefix.size() + 1);
  };
  if (const auto rest = rest_behind(pair_.name())) return {Place::kFlow, *rest};
  if (key.find("->") != std::string::npos) return {Place::kElsewhere, key};
  // What MM2 reads without any prefix goes first, should an alias be called "offset" or "sync".
  if (find_mm2_key(key) != nullptr || is_mm2_connection_key(key)) return {Place::kTop, key};
  if (const auto rest = rest_behind(pair_.source)) return {Place::kSource, *rest};
  if (const auto rest = rest_behind(pair_.target)) return {Place::kTarget, *rest};
  for (const std::string& cluster : clusters_)
    if (const auto rest = rest_behind(cluster)) return {Place::kElsewhere, *rest};
  return {Place::kTop, key};
}

bool Mm2Reader::look_at_known(const std::string& key, const std::string& rest,
                              const std::string& value) {
  const Mm2Key* const known = find_mm2_key(rest);
  if (known == nullptr) return false;
  switch (known->treatment) {
    case Mm2Treatment::kApplied:
      break;
    case Mm2Treatment::kNotNeeded:
      note(key, known->text);
      break;
    case Mm2Treatment::kOnly:
      if (lower(value) != lower(std::string(known->text)))
        object(key, known->text.empty() ? std::string("kferry copies every record as it is")
                                        : fmt::format("kferry can only do {}", known->text));
  }
  return true;
}

void Mm2Reader::look_at_client_key(const std::string& key, const std::string& rest,
                                   const std::string& value, bool source_consumer) {
  if (is_mm2_connection_key(rest) || rest == "client.id") return;  // mm2_clients.h
  const std::string objection = source_consumer ? mm2_client_objection(rest, value) : std::string();
  if (!objection.empty())
    object(key, objection);
  else
    note(key, why_not_client_key(rest));
}

// Behind "a." or "a->b.source.cluster.": for a client, or for the Connect worker.
void Mm2Reader::look_at_cluster_key(const std::string& key, const std::string& rest,
                                    const std::string& value, bool is_source) {
  if (is_mm2_connection_key(rest)) return;
  for (const std::string role : {"consumer", "producer", "admin"})
    if (rest.starts_with(role + "."))
      return look_at_client_key(key, rest.substr(role.size() + 1), value,
                                is_source && role == "consumer");
  const Mm2Key* const known = find_mm2_key(rest);
  if (known == nullptr)
    note(key, "MirrorMaker 2 has no such key");
  else if (known->treatment == Mm2Treatment::kApplied)
    note(key, "MirrorMaker 2 does not read it for one cluster");
  else
    look_at_known(key, rest, value);
}

void Mm2Reader::look_at(const std::string& key, const std::string& value) {
  const auto [place, rest] = place_of(key);
  switch (place) {
    case Place::kElsewhere:
      return note(key, fmt::format("it is not about {}", pair_.name()));
    case Place::kSource:
      return look_at_cluster_key(key, rest, value, true);
    case Place::kTarget:
      return look_at_cluster_key(key, rest, value, false);
    case Place::kTop:
      if (is_mm2_connection_key(rest) || look_at_known(key, rest, value)) return;
      return note(key, rest.starts_with("consumer.") || rest.starts_with("producer.") ||
                               rest.starts_with("admin.")
                           ? "MirrorMaker 2 reads it behind a cluster's name only"
                           : "MirrorMaker 2 has no such key");
    case Place::kFlow:
      break;
  }
  // The order matters: consumer.poll.timeout.ms is no setting of a consumer.
  if (look_at_known(key, rest, value)) return;
  for (const std::string side : {"source.", "target."}) {
    if (rest == side + "cluster.alias") {
      if (value != (side == "source." ? pair_.source : pair_.target))
        object(key, "the aliases are those of `clusters`");
      return;
    }
    if (rest.starts_with(side + "cluster."))
      return look_at_cluster_key(key, rest.substr(side.size() + 8), value, side == "source.");
    if (rest.starts_with(side))
      return look_at_cluster_key(key, rest.substr(side.size()), value, side == "source.");
  }
  // "a->b.consumer." is for both sides. Without a role, a connection setting is nobody's.
  if (is_mm2_connection_key(rest)) return note(key, "MirrorMaker 2 reads it for a cluster only");
  look_at_cluster_key(key, rest, value, true);
}

std::optional<Mm2Reader::Found> Mm2Reader::find(const std::string& key) const {
  for (const std::string& full : {pair_.name() + "." + key, key})
    if (const auto found = input_.properties.find(full); found != input_.properties.end())
      return Found(full, found->second);
  return std::nullopt;
}

std::string Mm2Reader::text(const std::string& key, std::string_view by_default) const {
  const auto found = find(key);
  return found ? found->second : std::string(by_default);
}

bool Mm2Reader::truth(const std::string& key, bool by_default) {
  const auto found = find(key);
  if (!found) return by_default;
  const std::string value = lower(found->second);
  if (value != "true" && value != "false")
    object(found->first,
           fmt::format("'{}' is neither true nor false", escape_control(found->second)));
  return value == "true";
}

int64_t Mm2Reader::number(const std::string& key, int64_t lowest, int64_t highest,
                          int64_t by_default) {
  const auto found = find(key);
  if (!found) return by_default;
  int64_t value = 0;
  const char* const end = found->second.data() + found->second.size();
  const auto [rest, error] = std::from_chars(found->second.data(), end, value);
  if (error == std::errc() && rest == end && value >= lowest && value <= highest) return value;
  object(found->first, fmt::format("'{}' is not a number from {} to {}",
                                   escape_control(found->second), lowest, highest));
  return by_default;
}

void Mm2Reader::interval(const std::string& key, Duration& out) {
  constexpr int64_t kDayInSeconds = 24 * 60 * 60;
  const int64_t seconds = number(key, 1, kDayInSeconds, -1);
  if (seconds > 0) out = Duration(seconds * 1000);
}

void Mm2Reader::patterns(const std::string& key, const std::string& old_key,
                         std::string_view by_default, std::vector<std::regex>& out) {
  auto found = find(key);
  if (!found && !old_key.empty()) found = find(old_key);
  auto parsed = parse_patterns(found ? std::string_view(found->second) : by_default);
  if (parsed)
    out = std::move(*parsed);
  else
    object(found ? found->first : key, parsed.error().message);
}

void Mm2Reader::read_names() {
  FlowSettings& flow = flow_.settings;
  patterns("topics", "", ".*", flow.topics.include);
  patterns("topics.exclude", "topics.blacklist", kDefaultTopicsExclude, flow.topics.exclude);
  patterns("groups", "", ".*", flow.groups.include);
  if (const auto groups = find("groups"))
    flow.groups.names = literal_names(split_patterns(groups->second));
  patterns("groups.exclude", "groups.blacklist", kDefaultGroupsExclude, flow.groups.exclude);
  flow.config_properties.include = {std::regex(".*")};
  patterns("config.properties.exclude", "config.properties.blacklist",
           kDefaultConfigPropertiesExclude, flow.config_properties.exclude);

  const std::string policy = text("replication.policy.class", kDefaultPolicy);
  if (policy == kIdentityPolicy || policy == kStrimziPolicy) return;
  if (policy != kDefaultPolicy)
    return object(find("replication.policy.class")->first,
                  fmt::format("kferry knows {} and {} only", kDefaultPolicy, kIdentityPolicy));
  const std::string separator = text("replication.policy.separator", ".");
  flow.topic_prefix = pair_.source + separator;
  // MirrorSourceConnector.isCycle: what came from the target is not copied back.
  const std::string cycle =
      fmt::format("(.*{0})?{1}{0}.*", quoted_pattern(separator), quoted_pattern(pair_.target));
  auto pattern = parse_pattern(cycle);
  if (pattern)
    flow.topics.exclude.push_back(flow_.cycles.emplace(std::move(*pattern)));
  else
    object("replication.policy.separator", pattern.error().message);
}

void Mm2Reader::read_emitted() {
  FlowSettings& flow = flow_.settings;
  constexpr int64_t kMostReplicas = 32'767;
  flow.replication_factor =
      static_cast<int16_t>(number("replication.factor", -1, kMostReplicas, 2));
  if (flow.replication_factor == 0)
    object(find("replication.factor")->first, "0 replicas hold nothing");
  flow.sync_topic_configs = truth("sync.topic.configs.enabled", true);
  flow.sync_acls = truth("sync.topic.acls.enabled", true);
  flow.sync_group_offsets = truth("sync.group.offsets.enabled", false);
  flow.emit_checkpoints = truth("emit.checkpoints.enabled", true);
  flow.emit_heartbeats = truth("emit.heartbeats.enabled", true);
  flow.emit_offset_syncs = truth("emit.offset-syncs.enabled", true);
  const std::string location = text("offset-syncs.topic.location", "source");
  if (location != "source" && location != "target")
    object(find("offset-syncs.topic.location")->first, "takes source or target");
  flow.offset_syncs_on_target = location == "target";
  interval("refresh.topics.interval.seconds", flow.refresh_interval);
  interval("sync.group.offsets.interval.seconds", flow.group_interval);
  interval("emit.checkpoints.interval.seconds", flow.checkpoint_interval);
  interval("emit.heartbeats.interval.seconds", flow.heartbeat_interval);
}

Result<Mm2Flow> Mm2Reader::read() {
  KFERRY_CHECK(choose_flow());
  FlowSettings& flow = flow_.settings;
  flow.name = pair_.name();
  for (const auto& [key, value] : input_.properties) look_at(key, value);
  read_names();
  read_emitted();
  if (!objections_.empty())
    return fail(ErrorKind::kUsage,
                fmt::format("{}: {}", input_.origin, fmt::join(objections_, "; ")),
                "take it out, or go on with MirrorMaker 2 for this flow; see docs/mm2.md");
  KFERRY_TRY(flow.source, mm2_source(input_, pair_));
  KFERRY_TRY(flow.target, mm2_target(input_, pair_));
  if (!find("sync.group.offsets.enabled"))
    note("sync.group.offsets.enabled",
         "not set: as with MirrorMaker 2, offsets go into checkpoints only, not into the target's "
         "groups");
  std::ranges::sort(flow_.notes, {}, &Mm2Note::key);
  return std::move(flow_);
}

}  // namespace

Result<Mm2Flow> read_mm2_flow(const Mm2Input& input) {
  return Mm2Reader(input).read();
}

}  // namespace kferry::replicate
