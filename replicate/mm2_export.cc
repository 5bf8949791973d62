#include "replicate/mm2_export.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "replicate/mm2_keys.h"

namespace kferry::replicate {
namespace {

constexpr std::string_view kOwnGroups = R"(kferry\..*)";

// Of what a client is told about who it is, what may be shown: anything else is taken for a secret.
constexpr auto kPublicKeys = std::to_array<std::string_view>({
    "client.id",
    "sasl.kerberos.service.name",
    "sasl.login.callback.handler.class",
    "sasl.mechanism",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.token.endpoint.url",
    "security.protocol",
    "ssl.cipher.suites",
    "ssl.enabled.protocols",
    "ssl.endpoint.identification.algorithm",
    "ssl.keystore.location",
    "ssl.keystore.type",
    "ssl.protocol",
    "ssl.truststore.location",
    "ssl.truststore.type",
});

// librdkafka's keys under Java's.
std::string_view java_key(std::string_view key) {
  if (key == "sasl.mechanisms") return "sasl.mechanism";
  if (key == "ssl.ca.location") return "ssl.truststore.location";
  if (key == "sasl.oauthbearer.client.id") return "sasl.oauthbearer.client.credentials.client.id";
  if (key == "sasl.oauthbearer.client.secret")
    return "sasl.oauthbearer.client.credentials.client.secret";
  if (key == "sasl.username" || key == "sasl.password") return "sasl.jaas.config";
  return key;
}

// Keys that Java's clients do not know.
bool has_no_java_key(std::string_view key) {
  return key.starts_with("kferry.") || key.starts_with("enable.ssl.") ||
         key.starts_with("ssl.certificate.") || key.starts_with("ssl.key.location") ||
         key.starts_with("ssl.key.pem") || key.starts_with("ssl.ca.pem") ||
         key.starts_with("ssl.crl.") || key == "sasl.kerberos.keytab" ||
         key == "sasl.kerberos.principal" || key.starts_with("https.") ||
         key == "sasl.oauthbearer.method" || key == "sasl.oauthbearer.grant.type" ||
         key == "sasl.oauthbearer.extensions";
}

Mm2Client describe(const ClusterSettings& cluster,
                   const std::map<std::string, std::string>& properties,
                   std::vector<std::string>& remarks) {
  Mm2Client client{cluster.alias, cluster.bootstrap_servers, {}};
  const auto add = [&](Mm2Client::Entry entry) {
    if (std::ranges::find(client.entries, entry.key, &Mm2Client::Entry::key) ==
        client.entries.end())
      client.entries.push_back(std::move(entry));
  };
  for (const auto& [key, value] : properties) {
    if (has_no_java_key(key)) {
      remarks.push_back(
          fmt::format("{} of {} is not a setting of Java's clients: see what they "
                      "have in its place",
                      key, cluster.alias));
      continue;
    }
    const std::string name(java_key(key));
    if (!is_mm2_connection_key(name) || name == "bootstrap.servers") continue;
    const bool is_public = std::ranges::find(kPublicKeys, name) != kPublicKeys.end();
    add({name, is_public ? value : std::string(), !is_public});
    if (key == "ssl.ca.location") add({"ssl.truststore.type", "PEM", false});
  }
  if (std::ranges::any_of(client.entries, &Mm2Client::Entry::is_secret))
    remarks.push_back(
        fmt::format("the secrets of {} are not copied: they are referred to", cluster.alias));
  return client;
}

// MirrorMaker 2 counts in seconds.
std::string seconds(Duration interval) {
  return fmt::format("{}", std::max<int64_t>(1, (interval.count() + 999) / 1000));
}

std::string truth(bool value) {
  return value ? "true" : "false";
}

class Exporter {
 public:
  explicit Exporter(const FlowSettings& flow) : flow_(flow) {}

  Result<Mm2Export> run(Mm2ExportInput input) {
    exported_.patterns = std::move(input.patterns);
    // Receipts of migrations: the mirror itself never copies these.
    std::string& groups_exclude = exported_.patterns.groups_exclude;
    groups_exclude += groups_exclude.empty() ? kOwnGroups : fmt::format(", {}", kOwnGroups);
    exported_.source = describe(flow_.source, input.source_properties, exported_.remarks);
    exported_.target = describe(flow_.target, input.target_properties, exported_.remarks);
    KFERRY_CHECK(name_topics());
    copy_topics();
    bring_offsets();
    beat();
    copy_once();
    remark();
    return std::move(exported_);
  }

 private:
  void set(unsigned readers, std::string key, std::string value, std::string why = {}) {
    exported_.settings.push_back({std::move(key), std::move(value), readers, std::move(why)});
  }

  Result<> name_topics() {
    const unsigned all = kMm2Source | kMm2Checkpoint | kMm2Heartbeat;
    const std::string& prefix = flow_.topic_prefix;
    const std::string& alias = flow_.source.alias;
    if (prefix.empty()) {
      set(all, "replication.policy.class",
          "org.apache.kafka.connect.mirror.IdentityReplicationPolicy", "topics keep their names");
      return {};
    }
    if (!prefix.starts_with(alias) || prefix.size() == alias.size())
      return fail(
          ErrorKind::kUsage,
          fmt::format("MirrorMaker 2 cannot put '{}' before the topics' names: only the "
                      "source's alias and a separator",
                      prefix),
          fmt::format("--prefix {}., or a flow whose name begins with another alias", alias));
    set(all, "replication.policy.class", "org.apache.kafka.connect.mirror.DefaultReplicationPolicy",
        fmt::format("topics are called {}TOPIC on the target", prefix));
    set(all, "replication.policy.separator", prefix.substr(alias.size()));
    return {};
  }

  void copy_topics() {
    const std::string factor = fmt::format("{}", flow_.replication_factor);
    const std::string refresh = seconds(flow_.refresh_interval);
    set(kMm2Source, "replication.factor", factor,
        flow_.replication_factor < 0 ? "-1: the target's default" : "");
    set(kMm2Source, "refresh.topics.interval.seconds", refresh,
        "MirrorMaker 2's default, 600, lets a new topic wait for 10 minutes");
    set(kMm2Source, "sync.topic.configs.enabled", truth(flow_.sync_topic_configs));
    set(kMm2Source, "sync.topic.configs.interval.seconds", refresh);
    set(kMm2Source, "sync.topic.acls.enabled", truth(flow_.sync_acls));
    set(kMm2Source, "sync.topic.acls.interval.seconds", refresh);
    if (!exported_.patterns.config_exclude.empty())
      set(kMm2Source, "config.properties.exclude", exported_.patterns.config_exclude);
    set(kMm2Source, "tasks.max", fmt::format("{}", kMm2Tasks));
  }

  void bring_offsets() {
    const bool checkpoints = flow_.emit_checkpoints || flow_.sync_group_offsets;
    const unsigned both = kMm2Source | kMm2Checkpoint;
    set(kMm2Source, "offset.lag.max", "0",
        "an offset sync for each record, which is one more small record; with the default, 100, "
        "groups read up to 100 records of each partition again");
    set(both, "offset-syncs.topic.location", flow_.offset_syncs_on_target ? "target" : "source",
        flow_.offset_syncs_on_target ? "nothing is written to the source" : "");
    set(both, "offset-syncs.topic.replication.factor", "-1");
    if (!flow_.emit_offset_syncs && !checkpoints)
      set(kMm2Source, "emit.offset-syncs.enabled", "false");
    set(kMm2Checkpoint, "emit.checkpoints.enabled", truth(checkpoints),
        checkpoints && !flow_.emit_checkpoints
            ? "MirrorMaker 2 brings the groups' offsets over by its checkpoints"
            : "");
    set(kMm2Checkpoint, "emit.checkpoints.interval.seconds", seconds(flow_.checkpoint_interval),
        "the default, 60, is how much later a group's offsets arrive");
    set(kMm2Checkpoint, "checkpoints.topic.replication.factor", "-1");
    set(kMm2Checkpoint, "sync.group.offsets.enabled", truth(flow_.sync_group_offsets),
        flow_.sync_group_offsets ? "by default they go into the checkpoints topic only" : "");
    set(kMm2Checkpoint, "sync.group.offsets.interval.seconds", seconds(flow_.group_interval));
    set(kMm2Checkpoint, "refresh.groups.interval.seconds", seconds(flow_.refresh_interval));
  }

  void beat() {
    set(kMm2Heartbeat, "emit.heartbeats.enabled", truth(flow_.emit_heartbeats));
    set(kMm2Heartbeat, "emit.heartbeats.interval.seconds", seconds(flow_.heartbeat_interval));
    set(kMm2Heartbeat, "heartbeats.topic.replication.factor", "-1");
  }

  void copy_once() {
    set(kMm2Worker, "exactly.once.source.support", "enabled",
        "records are copied in transactions, also over a crash (Kafka 3.5 and later)");
    for (const char* const topic : {"config", "offset", "status"})
      set(kMm2Worker, fmt::format("{}.storage.replication.factor", topic), "-1");
  }

  void remark() {
    auto& remarks = exported_.remarks;
    remarks.push_back(
        "offsets are translated by at most 64 samples a partition: groups that are far behind read "
        "records again");
    if (flow_.offsets == OffsetsMode::kIdentity)
      remarks.push_back("--offsets identity has no counterpart");
    if (flow_.zookeeper)
      remarks.push_back(
          "MirrorMaker 2 does not see offsets in ZooKeeper: `kferry handoff` says which groups are "
          "ready, and --handoff leaves the others out");
    if (flow_.max_bytes_per_second > 0)
      remarks.push_back("--max-bytes-per-second has no counterpart: set a quota on the source");
    if (flow_.group_interval < Duration(1'000))
      remarks.push_back(fmt::format("groups' offsets are read every second, not every {} ms",
                                    flow_.group_interval.count()));
  }

  const FlowSettings& flow_;
  Mm2Export exported_;
};

}  // namespace

Result<Mm2Export> export_mm2(Mm2ExportInput input) {
  return Exporter(input.flow).run(std::move(input));
}

}  // namespace kferry::replicate
