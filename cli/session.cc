#include "cli/session.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "base/small_file.h"
#include "kafkaio/config_values.h"
#include "kafkaio/security.h"
#include "replicate/cluster_settings.h"

namespace kferry::cli {
namespace {

constexpr Duration kConnectTimeout{60'000};
// Bounds the reading of even the largest cluster.
constexpr Duration kGatherTimeout{30 * 60'000};

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

void warn_if_others_may_read(const std::string& path) {
  if (!others_may_read(path)) return;
  log::warn("a file with secrets can be read by every user of this machine",
            {{"file", path}, {"hint", "chmod o-r, or write ${file:...} in place of the secrets"}});
}

Result<replicate::ClusterSettings> read_cluster_settings(const ClusterOptions& options) {
  replicate::ClusterInput input{
      options.alias, options.bootstrap, {}, "the client properties", options.request_timeout};
  if (!options.properties_file.empty()) {
    KFERRY_TRY(const std::string text, read_file(options.properties_file, options.option));
    auto properties = kafkaio::parse_properties(text);
    if (!properties)
      return std::unexpected(in_context(properties.error(), options.properties_file));
    if (kafkaio::has_plain_secret(*properties)) warn_if_others_may_read(options.properties_file);
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

Result<Settings> read_settings(const CommonOptions& common) {
  log::configure(common.log_format, common.log_level);
  Settings settings;
  settings.common = common;
  if (!common.config_file.empty()) {
    KFERRY_TRY(settings.config, read_config(common.config_file));
  }
  const auto first = [](const std::string& a, const std::string& b) { return a.empty() ? b : a; };
  settings.zookeeper = first(common.zookeeper, settings.config.zookeeper);
  settings.bootstrap = first(common.bootstrap, settings.config.bootstrap_server);
  if (settings.zookeeper.empty())
    return fail(ErrorKind::kUsage, "no ZooKeeper given",
                "pass --zookeeper HOST:PORT,.../chroot, or set `zookeeper` in --config");
  if (settings.bootstrap.empty())
    return fail(ErrorKind::kUsage, "no broker given",
                "pass --bootstrap-server HOST:PORT, or set `bootstrap_server` in --config");
  KFERRY_CHECK(zkoffsets::check_connect_string(settings.zookeeper));
  KFERRY_TRY(settings.zookeeper_login, read_zookeeper_login(common, settings.config));
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

Result<std::unique_ptr<Session>> Session::open(const Settings& settings, const StopToken& stop) {
  const Wait wait(Deadline::after(kConnectTimeout), stop);
  KFERRY_TRY(zkoffsets::ZkClient zookeeper,
             zkoffsets::ZkClient::connect(
                 {.connect = settings.zookeeper, .login = settings.zookeeper_login}, stop));
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
  const bool named = !selection.groups.empty() || !selection.teams.empty();
  if (!named && !selection.all_groups && !everything_by_default)
    return fail(ErrorKind::kUsage, "no group selected",
                "pass --group NAME, --team NAME or --all-groups");
  const Config& config = settings_.config;
  for (const std::string& team : selection.teams)
    if (std::ranges::find(config.teams, team) == config.teams.end())
      return fail(ErrorKind::kUsage, fmt::format("--team '{}': no such team", team),
                  config.teams.empty()
                      ? "pass --config kferry.yaml with a `teams` section"
                      : fmt::format("the teams are: {}", fmt::join(config.teams, ", ")));

  KFERRY_TRY(const auto external, zkoffsets::expand_external(zookeeper_, config.external, stop_));
  KFERRY_TRY(const auto listed, zookeeper_.children({"/consumers"}, stop_));
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
    KFERRY_CHECK(zkoffsets::scan(zookeeper_,
                                 {.groups = std::vector<GroupId>(), .external = external}, stop_));
  }
  for (const auto& entry : external) names.push_back(entry.group.value());
  std::vector<GroupId> all;
  for (const std::string& name : names) all.emplace_back(name);

  migrate::GatherRequest request;
  KFERRY_TRY(request.settings, resolve(config, all));
  for (const std::string& topic : selection.topics) request.topics.insert(TopicName(topic));
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
  if (selection.convention)
    for (auto& [group, settings] : request.settings) settings.convention = selection.convention;
  return request;
}

Result<migrate::Facts> Session::gather(const migrate::GatherRequest& request) {
  const auto admin_handle = admin();
  const migrate::Endpoints endpoints{zookeeper_, cluster_, settings_.bootstrap,
                                     admin_handle ? *admin_handle : nullptr};
  std::unique_ptr<Progress> progress;
  migrate::GatherProgress callbacks;
  callbacks.phase = [&](const std::string& name, int64_t total) {
    progress.reset();
    progress = std::make_unique<Progress>(progress_mode(settings_.common), name, total);
  };
  callbacks.advance = [&](int64_t n) { progress->add(n); };
  return migrate::gather(endpoints, request, Wait(Deadline::after(kGatherTimeout), stop_),
                         callbacks);
}

}  // namespace kferry::cli
