#include "cli/session.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "base/small_file.h"
#include "cli/selection.h"
#include "kafkaio/config_values.h"
#include "kafkaio/security.h"
#include "migrate/broker_source.h"
#include "migrate/zookeeper_source.h"
#include "replicate/cluster_settings.h"
#include "zkoffsets/scanner.h"

namespace kferry::cli {
namespace {

constexpr Duration kConnectTimeout{60'000};
// Bounds the reading of even the largest cluster.
constexpr Duration kGatherTimeout{30 * 60'000};
constexpr Duration kTopicPatience{10'000};  // with a broker that has just started

// The names that a mistyped one may have meant.
std::string close_names(const std::string& wanted, const std::vector<std::string>& names) {
  std::string close;
  int found = 0;
  for (const std::string& name : names) {
    const bool similar = name.find(wanted) != std::string::npos ||
                         wanted.find(name) != std::string::npos ||
                         (name.size() == wanted.size() && name.substr(0, 3) == wanted.substr(0, 3));
    if (!similar || ++found > 5) continue;
    close += (close.empty() ? "did you mean " : ", ") + fmt::format("'{}'", name);
  }
  return close.empty() ? "`kferry scan` lists the groups that there are" : close + "?";
}

// A group of the configuration, or of a plan, of which the brokers read no offset.
void warn_of_left_out(const migrate::GatherRequest& request, const migrate::Facts& facts) {
  std::set<GroupId> there;
  for (const auto& group : facts.groups) there.insert(group.zookeeper.group);
  for (const GroupId& group : *request.scan.groups)
    if (!there.contains(group))
      log::warn("the group has no offset in ZooKeeper, as the brokers read it: it is left out",
                {{"group", group.value()}});
}

}  // namespace

Progress::Mode progress_mode(const CommonOptions& common) {
  return common.progress ? Progress::mode_for_stderr() : Progress::Mode::kOff;
}

Result<std::string> read_file(const std::string& path, std::string_view what) {
  constexpr size_t kChunkBytes = 1024 * 1024;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  while (file) {
    const size_t have = text.size();
    text.resize(have + kChunkBytes);
    file.read(text.data() + have, kChunkBytes);
    text.resize(have + static_cast<size_t>(file.gcount()));
  }
  if (!file.is_open() || file.bad())
    return fail(ErrorKind::kUsage, fmt::format("{} '{}' cannot be read", what, path));
  return text;
}

void warn_of_plain_secrets(const std::map<std::string, std::string>& properties,
                           const std::string& path) {
  if (kafkaio::has_plain_secret(properties))
    warn_if_others_may_read(path, "chmod o-r, or write ${file:...} in place of the secrets");
}

Result<replicate::ClusterSettings> read_cluster_settings(const ClusterOptions& options) {
  replicate::ClusterInput input{
      options.alias, options.bootstrap, {}, "the client properties", options.request_timeout};
  if (!options.properties_file.empty()) {
    KFERRY_TRY(const std::string text, read_file(options.properties_file, options.option));
    auto properties = kafkaio::parse_properties(text);
    if (!properties)
      return std::unexpected(in_context(properties.error(), options.properties_file));
    warn_of_plain_secrets(*properties, options.properties_file);
    input.properties = std::move(*properties);
    input.origin = fmt::format("{} {}", options.option, options.properties_file);
  }
  return replicate::make_cluster_settings(std::move(input));
}

Result<std::optional<zkoffsets::ZkLogin>> read_zookeeper_login(const CommonOptions& common,
                                                               const Config& config) {
  const std::string& file =
      common.zookeeper_auth_file.empty() ? config.zookeeper_auth_file : common.zookeeper_auth_file;
  if (file.empty() && config.zookeeper_auth.empty()) return std::nullopt;
  std::string text;
  if (!file.empty()) {
    KFERRY_TRY(text, read_file(file, "ZooKeeper's login"));
    warn_if_others_may_read(file);
  } else {
    std::map<std::string, std::string> values = {{"zookeeper_auth", config.zookeeper_auth}};
    KFERRY_CHECK(
        kafkaio::resolve_values(values, "--config", Wait::uninterruptible(kConnectTimeout)));
    text = values["zookeeper_auth"];
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  auto login = zkoffsets::parse_zk_login(text);
  if (!login)
    return std::unexpected(
        in_context(login.error(), file.empty() ? "zookeeper_auth of --config" : file));
  return std::move(*login);
}

namespace {

// The command line wins: --offset-source broker leaves the configuration's `zookeeper` aside. But
// what contradicts itself is an error, rather than a connection that nobody wanted.
Result<OffsetReads> choose_reads(const CommonOptions& common, const Config& config) {
  const OffsetReads reads =
      common.offset_reads.value_or(config.offset_reads.value_or(OffsetReads::kBoth));
  const std::string_view given = !common.zookeeper.empty()             ? "--zookeeper"
                                 : !common.zookeeper_auth_file.empty() ? "--zookeeper-auth-file"
                                                                       : "";
  if (reads != OffsetReads::kBroker || given.empty()) return reads;
  return fail(ErrorKind::kUsage,
              fmt::format("{} and {} exclude each other: the offsets are read through the brokers, "
                          "and ZooKeeper is not connected to",
                          given,
                          common.offset_reads ? "--offset-source broker"
                                              : common.config_file + ": offset_source: broker"),
              fmt::format("leave {} out, or pass --offset-source both", given));
}

}  // namespace

Result<Settings> read_settings(const CommonOptions& common) {
  log::configure(common.log_format, common.log_level);
  Settings settings;
  settings.common = common;
  if (!common.config_file.empty()) {
    KFERRY_TRY(settings.config, read_config(common.config_file));
  }
  const auto first = [](const std::string& a, const std::string& b) { return a.empty() ? b : a; };
  KFERRY_TRY(settings.offset_reads, choose_reads(common, settings.config));
  settings.bootstrap = first(common.bootstrap, settings.config.bootstrap_server);
  if (settings.offset_reads != OffsetReads::kBroker) {
    settings.zookeeper = first(common.zookeeper, settings.config.zookeeper);
    if (settings.zookeeper.empty())
      return fail(ErrorKind::kUsage, "no ZooKeeper given",
                  "pass --zookeeper HOST:PORT,.../chroot, or set `zookeeper` in --config; where it "
                  "cannot be connected to: --offset-source broker");
    KFERRY_CHECK(zkoffsets::check_connect_string(settings.zookeeper));
    KFERRY_TRY(settings.zookeeper_login, read_zookeeper_login(common, settings.config));
  }
  if (settings.bootstrap.empty())
    return fail(ErrorKind::kUsage, "no broker given",
                "pass --bootstrap-server HOST:PORT, or set `bootstrap_server` in --config");
  KFERRY_TRY(auto cluster,
             read_cluster_settings(
                 {.bootstrap = settings.bootstrap,
                  .properties_file = first(common.command_config, settings.config.command_config),
                  .request_timeout = common.request_timeout}));
  settings.bootstrap_addresses = std::move(cluster.addresses);
  settings.properties = std::move(cluster.properties);
  settings.client = std::move(cluster.client);
  return settings;
}

Result<Settings> read_settings(CommonOptions common, const verify::Source& source) {
  Config config;
  if (!common.config_file.empty()) {
    KFERRY_TRY(config, read_config(common.config_file));
  }
  const bool through_brokers = source.zookeeper.empty();
  if (common.offset_reads && (*common.offset_reads == OffsetReads::kBroker) != through_brokers)
    return fail(ErrorKind::kUsage,
                fmt::format("the plan's offsets were read {}, and --offset-source says otherwise",
                            through_brokers ? "through the brokers" : "in ZooKeeper"),
                "leave --offset-source out, or make a new plan");
  if (through_brokers)
    common.offset_reads = OffsetReads::kBroker;
  else if (config.offset_reads == OffsetReads::kBroker)
    common.offset_reads = OffsetReads::kBoth;
  if (common.zookeeper.empty() && config.zookeeper.empty()) common.zookeeper = source.zookeeper;
  if (common.bootstrap.empty() && config.bootstrap_server.empty())
    common.bootstrap = source.bootstrap_servers;
  return read_settings(common);
}

migrate::ExecutorConfig executor_config(const Settings& settings, const ApplyOptions& apply) {
  migrate::ExecutorConfig config;
  config.bootstrap = settings.bootstrap_addresses;
  config.client = settings.client;
  config.session.session_timeout = apply.session_timeout;
  config.session.heartbeat_interval = std::min(Duration(2'000), apply.session_timeout / 4);
  config.commit_mode = apply.commit_mode;
  config.retain = apply.retain;
  config.parallel = apply.parallel;
  config.write_receipts = apply.write_receipts;
  return config;
}

Session::Session(Settings settings, std::optional<zkoffsets::ZkClient> zookeeper,
                 wire::Cluster cluster, const StopToken& stop)
    : settings_(std::move(settings)),
      zookeeper_(std::move(zookeeper)),
      cluster_(std::move(cluster)),
      stop_(stop) {
  if (zookeeper_)
    source_ = std::make_unique<migrate::ZookeeperSource>(*zookeeper_);
  else
    source_ = std::make_unique<migrate::BrokerSource>(cluster_);
}

Result<std::unique_ptr<Session>> Session::open(const Settings& settings, const StopToken& stop) {
  const Wait wait(Deadline::after(kConnectTimeout), stop);
  std::optional<zkoffsets::ZkClient> zookeeper;
  if (!settings.zookeeper.empty()) {
    KFERRY_TRY(zookeeper,
               zkoffsets::ZkClient::connect(
                   {.connect = settings.zookeeper, .login = settings.zookeeper_login}, stop));
  }
  auto cluster = wire::Cluster::connect(settings.bootstrap_addresses, settings.client, wait);
  if (!cluster) {
    Error error = cluster.error();
    // Something answers there that is no Kafka: the cluster is out of reach all the same.
    if (error.kind == ErrorKind::kFailed) error.kind = ErrorKind::kUnreachable;
    return std::unexpected(std::move(error));
  }
  return std::unique_ptr<Session>(
      new Session(settings, std::move(zookeeper), std::move(*cluster), stop));
}

Result<kafkaio::Admin*> Session::admin() {
  if (!admin_) {
    const Wait wait(Deadline::after(kConnectTimeout), stop_);
    KFERRY_TRY(const auto properties,
               replicate::client_properties(settings_.properties, cluster_, wait));
    KFERRY_TRY(kafkaio::Admin admin, kafkaio::Admin::connect(properties));
    admin_ = std::make_unique<kafkaio::Admin>(std::move(admin));
  }
  return admin_.get();
}

Result<migrate::GatherRequest> Session::select(const SelectionOptions& selection,
                                               bool everything_by_default) {
  const Config& config = settings_.config;
  KFERRY_CHECK(check_selection(selection, config, everything_by_default));
  if (!zookeeper_) {
    KFERRY_TRY(migrate::GatherRequest request, select_named(selection, config));
    KFERRY_CHECK(check_topics(request));
    return request;
  }
  const bool named = !selection.groups.empty() || !selection.teams.empty();
  KFERRY_TRY(const auto external, zkoffsets::expand_external(*zookeeper_, config.external, stop_));
  KFERRY_TRY(const auto listed, zookeeper_->children({"/consumers"}, stop_));
  using enum zkoffsets::NodeState;
  const bool only_by_name =
      !selection.groups.empty() && selection.teams.empty() && !selection.all_groups;
  std::vector<std::string> names = listed.front().names;
  if (listed.front().state == kDenied) {
    if (!only_by_name)
      return fail(
          ErrorKind::kNotAuthorised,
          fmt::format("ZooKeeper {}: listing /consumers is denied by its ACL", settings_.zookeeper),
          "name the groups with --group");
    names = selection.groups;
  } else if (listed.front().state == kMissing) {
    // A wrong chroot shall be called that, rather than "no such group".
    KFERRY_CHECK(zkoffsets::scan(*zookeeper_,
                                 {.groups = std::vector<GroupId>(), .external = external}, stop_));
  }
  for (const auto& entry : external) names.push_back(entry.group.value());
  std::vector<GroupId> all;
  for (const std::string& name : names) all.emplace_back(name);

  migrate::GatherRequest request;
  KFERRY_TRY(request.settings, resolve(config, all));
  std::set<GroupId> wanted;
  for (const std::string& group : selection.groups) {
    if (std::ranges::find(names, group) == names.end())
      return fail(ErrorKind::kRefused,
                  fmt::format("group '{}' has nothing in ZooKeeper {}", group, settings_.zookeeper),
                  close_names(group, names));
    wanted.insert(GroupId(group));
  }
  for (const GroupId& group : all) {
    const auto& team = request.settings[group].team;
    const bool in_team = team && std::ranges::find(selection.teams, *team) != selection.teams.end();
    if (!named || in_team) wanted.insert(group);
  }
  std::set<GroupId> outside;
  for (const auto& entry : external) {
    if (!wanted.contains(entry.group)) continue;
    outside.insert(entry.group);
    request.scan.external.push_back(entry);
    auto& convention = request.settings[entry.group].convention;
    if (!convention) convention = entry.convention;
  }
  for (const GroupId& group : outside) wanted.erase(group);
  request.scan.groups.emplace(wanted.begin(), wanted.end());
  apply_selection(selection, request);
  return request;
}

// Brokers say nothing of a topic that they do not have, which must not pass for "no offset".
Result<> Session::check_topics(const migrate::GatherRequest& request) {
  std::set<TopicName> named;
  for (const GroupId& group : *request.scan.groups) named.merge(request.topics_of(group));
  if (named.empty()) return {};
  KFERRY_TRY(const auto metadata,
             cluster_.fetch_settled_metadata({named.begin(), named.end()}, kTopicPatience,
                                             Wait(Deadline::after(kConnectTimeout), stop_)));
  for (const TopicName& topic : named) {
    const auto found = metadata.topics.find(topic);
    if (found == metadata.topics.end() || found->second.partitions.empty())
      return fail(
          ErrorKind::kRefused,
          fmt::format("topic '{}' was named, but {} has no such topic, or does not show it "
                      "to us",
                      topic, settings_.bootstrap),
          "check the name and the right to DESCRIBE it; of a topic that is gone the brokers "
          "read no offset: leave it out");
  }
  return {};
}

Result<migrate::Facts> Session::gather(const migrate::GatherRequest& request) {
  const auto admin_handle = admin();
  const migrate::Endpoints endpoints{*source_, cluster_, settings_.bootstrap,
                                     admin_handle ? *admin_handle : nullptr};
  std::unique_ptr<Progress> progress;
  migrate::GatherProgress callbacks;
  callbacks.phase = [&](const std::string& name, int64_t total) {
    progress.reset();
    progress = std::make_unique<Progress>(progress_mode(settings_.common), name, total);
  };
  callbacks.advance = [&](int64_t n) { progress->add(n); };
  auto facts =
      migrate::gather(endpoints, request, Wait(Deadline::after(kGatherTimeout), stop_), callbacks);
  if (facts && !zookeeper_) warn_of_left_out(request, *facts);
  return facts;
}

}  // namespace kferry::cli
