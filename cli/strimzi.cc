#include "cli/strimzi.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace kferry::cli {
namespace {

using replicate::Mm2Client;
using replicate::Mm2Export;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// As Kubernetes names things (RFC 1123): lower-case letters, digits and '-'.
std::string object_name(const std::string& text) {
  std::string name;
  for (const char c : lower(text)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain || (!name.empty() && name.back() != '-')) name += plain ? c : '-';
  }
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "kferry" : name;
}

class Writer {
 public:
  Writer() { out_.SetIndent(2); }

  YAML::Emitter& out() { return out_; }
  // Of what follows: at the document's beginning only.
  void comment(const std::string& text) { out_ << YAML::Comment(text) << YAML::Newline; }
  // Of the last value, behind it.
  void remark(const std::string& text) {
    if (!text.empty()) out_ << YAML::Comment(text);
  }
  void field(const std::string& key, const std::string& value) {
    out_ << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value;
  }
  void field(const std::string& key, int value) {
    out_ << YAML::Key << key << YAML::Value << value;
  }
  void begin_map(const std::string& key) {
    out_ << YAML::Key << key << YAML::Value << YAML::BeginMap;
  }
  void begin_list(const std::string& key) {
    out_ << YAML::Key << key << YAML::Value << YAML::BeginSeq;
  }
  void end_map() { out_ << YAML::EndMap; }
  void end_list() { out_ << YAML::EndSeq; }

 private:
  YAML::Emitter out_;
};

std::string value_of(const Mm2Client& client, std::string_view key) {
  const auto found = std::ranges::find(client.entries, key, &Mm2Client::Entry::key);
  return found == client.entries.end() ? std::string() : found->value;
}

bool has(const Mm2Client& client, std::string_view key) {
  return std::ranges::find(client.entries, key, &Mm2Client::Entry::key) != client.entries.end();
}

void write_tls(const Mm2Client& client, Writer& writer) {
  if (!lower(value_of(client, "security.protocol")).contains("ssl")) return;
  writer.begin_map("tls");
  writer.begin_list("trustedCertificates");
  writer.out() << YAML::BeginMap;
  writer.field("secretName", fmt::format("kferry-{}-ca", object_name(client.alias)));
  writer.field("certificate", std::string("ca.crt"));
  writer.end_map();
  writer.end_list();
  writer.end_map();
}

void write_authentication(const Mm2Client& client, Writer& writer) {
  const std::string mechanism = lower(value_of(client, "sasl.mechanism"));
  const std::string alias = object_name(client.alias);
  if (mechanism == "plain" || mechanism.starts_with("scram-sha-")) {
    writer.begin_map("authentication");
    writer.field("type", mechanism);
    writer.field("username", std::string("REPLACE-ME"));
    writer.remark("the name to log in with");
    writer.begin_map("passwordSecret");
    writer.field("secretName", fmt::format("kferry-{}-login", alias));
    writer.field("password", std::string("password"));
    writer.end_map();
    writer.end_map();
  } else if (has(client, "ssl.keystore.location") || has(client, "ssl.keystore.key")) {
    writer.begin_map("authentication");
    writer.field("type", std::string("tls"));
    writer.begin_map("certificateAndKey");
    writer.field("secretName", fmt::format("kferry-{}-certificate", alias));
    writer.field("certificate", std::string("user.crt"));
    writer.field("key", std::string("user.key"));
    writer.end_map();
    writer.end_map();
  } else if (!mechanism.empty()) {
    writer.remark(fmt::format("authentication: {} has to be written by hand", mechanism));
  }
}

void write_cluster(const Mm2Client& client, const Mm2Export* worker, Writer& writer) {
  writer.out() << YAML::BeginMap;
  writer.field("alias", client.alias);
  writer.field("bootstrapServers", client.bootstrap_servers);
  write_tls(client, writer);
  write_authentication(client, writer);
  if (worker != nullptr) {
    writer.begin_map("config");
    for (const auto& setting : worker->settings)
      if (setting.readers == replicate::kMm2Worker) {
        writer.field(setting.key, setting.value);
        writer.remark(setting.why);
      }
    writer.end_map();
  }
  writer.end_map();
}

void write_connector(const std::string& name, unsigned reader, const Mm2Export& exported,
                     Writer& writer) {
  writer.begin_map(name);
  if (reader == replicate::kMm2Source) writer.field("tasksMax", replicate::kMm2Tasks);
  writer.begin_map("config");
  for (const auto& setting : exported.settings) {
    if ((setting.readers & reader) == 0 || setting.key == "tasks.max") continue;
    // What several connectors read is explained once.
    const bool first = (setting.readers & (reader - 1)) == 0;
    writer.field(setting.key, setting.value);
    if (first) writer.remark(setting.why);
  }
  if (reader == replicate::kMm2Source) {
    writer.field("source.consumer.isolation.level", std::string("read_committed"));
    writer.remark("aborted transactions are not copied");
  }
  writer.end_map();
  writer.end_map();
}

void write_mirror(const Mm2Export& exported, Writer& writer) {
  writer.out() << YAML::BeginMap;
  writer.field("sourceCluster", exported.source.alias);
  writer.field("targetCluster", exported.target.alias);
  write_connector("sourceConnector", replicate::kMm2Source, exported, writer);
  write_connector("checkpointConnector", replicate::kMm2Checkpoint, exported, writer);
  write_connector("heartbeatConnector", replicate::kMm2Heartbeat, exported, writer);
  writer.field("topicsPattern", exported.patterns.topics);
  writer.field("topicsExcludePattern", exported.patterns.topics_exclude);
  writer.field("groupsPattern", exported.patterns.groups);
  writer.field("groupsExcludePattern", exported.patterns.groups_exclude);
  writer.end_map();
}

}  // namespace

std::string to_strimzi(const Mm2Export& exported, std::string_view tool_version) {
  Writer writer;
  writer.comment(
      fmt::format("MirrorMaker 2 for Strimzi: written by kferry {}, `kferry export "
                  "strimzi`. What it cannot be told:",
                  tool_version));
  for (const std::string& remark : exported.remarks) writer.comment("  " + remark);
  writer.out() << YAML::BeginMap;
  writer.field("apiVersion", std::string("kafka.strimzi.io/v1beta2"));
  writer.field("kind", std::string("KafkaMirrorMaker2"));
  writer.begin_map("metadata");
  writer.field("name", object_name(exported.source.alias + "-" + exported.target.alias));
  writer.end_map();
  writer.begin_map("spec");
  writer.field("replicas", 1);
  writer.field("connectCluster", exported.target.alias);
  writer.begin_list("clusters");
  write_cluster(exported.source, nullptr, writer);
  write_cluster(exported.target, &exported, writer);
  writer.end_list();
  writer.begin_list("mirrors");
  write_mirror(exported, writer);
  writer.end_list();
  writer.end_map();
  writer.end_map();
  return std::string(writer.out().c_str()) + "\n";
}

}  // namespace kferry::cli
