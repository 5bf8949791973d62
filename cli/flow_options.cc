#include "cli/flow_options.h"

#include <algorithm>
#include <string>

#include <boost/program_options/value_semantic.hpp>

namespace kferry::cli {

namespace po = boost::program_options;

namespace {

struct Flag {
  const char* setting;  // as in flow_config.h; the option is called the same, with '-' for '_'
  const char* value;    // its name in the help; nullptr: a switch that means "true"
  const char* help;
};

constexpr Flag kClusterFlags[] = {
    {"source", "HOST:PORT,...", "brokers of the cluster that is copied"},
    {"target", "HOST:PORT,...", "brokers of the cluster that it is copied to"},
    {"source_config", "FILE", "client properties for the source (Java's or librdkafka's)"},
    {"target_config", "FILE", "client properties for the target"},
    {"zookeeper", "HOST:PORT,.../chroot",
     "check that groups with offsets in this ZooKeeper were migrated"},
};
constexpr Flag kSelectionFlags[] = {
    {"topics", "REGEX,...", "topics to copy, by their whole names"},
    {"topics_exclude", "REGEX,...", "but not these (as MM2: internal topics, *.replica, __*)"},
    {"groups", "REGEX,...", "consumer groups whose offsets are kept in sync (none)"},
    {"groups_exclude", "REGEX,...", "but not these (as MM2: console-consumer-*, connect-*, __*)"},
};
constexpr Flag kCopyFlags[] = {
    {"replication_factor", "N", "of topics that are created (the target's default)"},
    {"offsets", "identity|translate|auto",
     "the source's offsets for every record, exact translation, or identity where it is possible "
     "(auto)"},
    {"prefix", "TEXT", "put before the topics' names on the target, separator included"},
    {"config_exclude", "REGEX,...", "topic configs that are not synced (as MM2)"},
    {"guard", "refuse|warn", "what --zookeeper means for a group that was not migrated (refuse)"},
    {"sync_group_offsets", nullptr,
     "with --mm2-properties: into the target's groups even where the file does not say so"},
};
constexpr Flag kRunFlags[] = {
    {"until_caught_up", nullptr, "end once everything that was there at the start is copied"},
    {"listen", "HOST:PORT", "serve the status page, /metrics, /status, ... there"},
    {"mm2_metrics", nullptr, "MirrorMaker 2's metrics too, for existing dashboards"},
    {"max_bytes_per_second", "N", "at most that many, 0 for no limit (0)"},
    {"buffer_bytes", "N", "memory for records on their way (33554432)"},
};
struct Negation {
  const char* option;
  const char* setting;
  const char* help;
};
constexpr Negation kNegations[] = {
    {"no-sync-configs", "sync_configs", "leave the configs of existing topics alone"},
    {"no-sync-acls", "sync_acls", "copy no ACLs"},
    {"no-mm2-topics", "mm2_topics", "write no offset-syncs, checkpoints and heartbeats topics"},
};

std::string option_of(const char* setting) {
  std::string option = setting;
  std::ranges::replace(option, '_', '-');
  return option;
}

template <size_t N>
void add_flags(OptionsDescription& options, const Flag (&flags)[N]) {
  for (const Flag& flag : flags) {
    const std::string name = option_of(flag.setting);
    if (flag.value == nullptr)
      options.add_options()(name.c_str(), po::bool_switch(), flag.help);
    else
      options.add_options()(name.c_str(), po::value<std::string>()->value_name(flag.value),
                            flag.help);
  }
}

template <size_t N>
void collect_flags(const Values& values, const Flag (&flags)[N], FlowChanges& changes) {
  for (const Flag& flag : flags) {
    const std::string name = option_of(flag.setting);
    if (values.count(name) == 0) continue;
    if (flag.value != nullptr)
      changes[flag.setting] = {"--" + name, text_of(values, name)};
    else if (flag_of(values, name))
      changes[flag.setting] = {"--" + name, "true"};
  }
}

OptionsDescription describe_clusters() {
  OptionsDescription clusters("Clusters");
  add_flags(clusters, kClusterFlags);
  clusters.add_options()("zookeeper-auth-file", po::value<std::string>()->value_name("FILE"),
                         "a file with its login, user:password (scheme digest)")(
      "flow", po::value<std::string>()->value_name("NAME"),
      "the flow, of those in --config or --mm2-properties if there are any "
      "(source->target)")("reverse", po::bool_switch(),
                          "the way back of that flow, from its target to its source");
  return clusters;
}

OptionsDescription describe_files() {
  OptionsDescription files("Configuration and output");
  files.add_options()("config", po::value<std::string>()->value_name("FILE"), "kferry.yaml: flows")(
      "mm2-properties", po::value<std::string>()->value_name("FILE"),
      "a properties file of MirrorMaker 2; what has no effect is named");
  return files;
}

OptionsDescription describe_copy() {
  OptionsDescription copy("How it is copied");
  add_flags(copy, kCopyFlags);
  for (const Negation& negation : kNegations)
    copy.add_options()(negation.option, po::bool_switch(), negation.help);
  return copy;
}

OptionsDescription describe_all(bool with_dry_run) {
  OptionsDescription selection("What is copied");
  add_flags(selection, kSelectionFlags);
  OptionsDescription run("How it runs");
  if (with_dry_run)
    run.add_options()("dry-run", po::bool_switch(),
                      "print the differences that would be removed, and write nothing");
  add_flags(run, kRunFlags);
  OptionsDescription files = describe_files();
  add_output(files, log::Level::kInfo);
  OptionsDescription options;
  options.add(describe_clusters()).add(selection).add(describe_copy()).add(run).add(files);
  return options;
}

}  // namespace

OptionsDescription describe_flow() {
  OptionsDescription selection("What is copied");
  add_flags(selection, kSelectionFlags);
  selection.add_options()("prefix", po::value<std::string>()->value_name("TEXT"),
                          "put before the topics' names on the target, separator included");
  OptionsDescription files = describe_files();
  add_output(files, log::Level::kWarn);
  OptionsDescription options;
  options.add(describe_clusters()).add(selection).add(files);
  return options;
}

OptionsDescription describe_replicate() {
  return describe_all(true);
}

OptionsDescription describe_mirror() {
  return describe_all(false);
}

OptionsDescription describe_settings() {
  OptionsDescription selection("What is copied");
  add_flags(selection, kSelectionFlags);
  OptionsDescription files("Configuration");
  files.add_options()("config", po::value<std::string>()->value_name("FILE"), "kferry.yaml: flows");
  OptionsDescription options;
  options.add(describe_clusters()).add(selection).add(describe_copy()).add(files);
  return options;
}

void collect_changes(const Values& values, FlowChanges& changes) {
  collect_flags(values, kClusterFlags, changes);
  collect_flags(values, kSelectionFlags, changes);
  collect_flags(values, kCopyFlags, changes);
  collect_flags(values, kRunFlags, changes);
  for (const Negation& negation : kNegations)
    if (flag_of(values, negation.option))
      changes[negation.setting] = {std::string("--") + negation.option, "false"};
}

}  // namespace kferry::cli
