// The export as a properties file for MirrorMaker 2's own driver.
#include <algorithm>

#include <fmt/format.h>

#include "replicate/mm2_export.h"

namespace kferry::replicate {
namespace {

// As java.util.Properties.load reads it back: a backslash, a line end and a blank at the beginning
// would be lost.
std::string escaped(std::string_view text) {
  std::string value;
  for (const char c : text) {
    if (c == '\\' || (c == ' ' && value.empty())) value += '\\';
    if (static_cast<unsigned char>(c) < ' ') {
      value += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
      continue;
    }
    value += c;
  }
  return value;
}

// A key ends at the first separator that is not escaped.
std::string escaped_key(std::string_view text) {
  std::string key;
  for (const char c : text) {
    if (c == ':' || c == '=' || c == ' ') key += '\\';
    key += c;
  }
  return key;
}

class Writer {
 public:
  void comment(std::string_view text) { text_ += fmt::format("# {}\n", text); }
  void gap() { text_ += '\n'; }
  void line(std::string_view key, std::string_view value) {
    text_ += fmt::format("{} = {}\n", escaped_key(key), escaped(value));
  }
  void client(const Mm2Client& client) {
    gap();
    line(client.alias + ".bootstrap.servers", client.bootstrap_servers);
    for (const auto& entry : client.entries)
      line(fmt::format("{}.{}", client.alias, entry.key),
           entry.is_secret ? fmt::format("${{file:/etc/kferry/{}-secrets.properties:{}}}",
                                         client.alias, entry.key)
                           : entry.value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

bool has_secrets(const Mm2Client& client) {
  return std::ranges::any_of(client.entries, &Mm2Client::Entry::is_secret);
}

void write_selection(const std::string& flow, const FlowPatterns& patterns, Writer& out) {
  out.line(flow + ".enabled", "true");
  out.line(flow + ".topics", patterns.topics);
  out.line(flow + ".topics.exclude", patterns.topics_exclude);
  if (patterns.groups.empty()) out.comment("no groups were given: nobody's offsets are followed");
  out.line(flow + ".groups", patterns.groups);
  out.line(flow + ".groups.exclude", patterns.groups_exclude);
}

void write_setting(const Mm2Export& exported, const Mm2Setting& setting, Writer& out) {
  if (!setting.why.empty()) out.comment(setting.why);
  const bool of_worker = setting.readers == kMm2Worker && !setting.key.contains(".storage.");
  out.line(of_worker ? fmt::format("{}.{}", exported.target.alias, setting.key) : setting.key,
           setting.value);
}

}  // namespace

std::string to_properties(const Mm2Export& exported, std::string_view tool_version) {
  const std::string& source = exported.source.alias;
  const std::string& target = exported.target.alias;
  const std::string flow = fmt::format("{}->{}", source, target);
  Writer out;
  out.comment(fmt::format("MirrorMaker 2, {}: written by kferry {}, `kferry export mm2`.", flow,
                          tool_version));
  out.comment("Start it with connect-mirror-maker.sh. What it cannot be told:");
  for (const std::string& remark : exported.remarks) out.comment("  " + remark);
  out.gap();
  out.line("clusters", fmt::format("{}, {}", source, target));
  if (has_secrets(exported.source) || has_secrets(exported.target)) {
    out.gap();
    out.comment("Put the secrets into these files, readable by MirrorMaker 2 alone.");
    out.line("config.providers", "file");
    out.line("config.providers.file.class",
             "org.apache.kafka.common.config.provider.FileConfigProvider");
  }
  out.client(exported.source);
  out.comment("aborted transactions are not copied");
  out.line(source + ".consumer.isolation.level", "read_committed");
  out.client(exported.target);
  out.gap();
  write_selection(flow, exported.patterns, out);
  out.comment("or MirrorMaker 2 would write heartbeats to the source too");
  out.line(fmt::format("{}->{}.emit.heartbeats.enabled", target, source), "false");
  out.gap();
  for (const Mm2Setting& setting : exported.settings) write_setting(exported, setting, out);
  out.comment(
      "needed with exactly.once.source.support; several processes need an address here "
      "that the others reach");
  out.line("dedicated.mode.enable.internal.rest", "true");
  out.line("listeners", "http://127.0.0.1:0");
  return out.take();
}

}  // namespace kferry::replicate
