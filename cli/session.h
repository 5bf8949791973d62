// What a verb works with once its options are known to be right: the configuration, the
// connections, and the way to gather facts about the selected groups.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "cli/config.h"
#include "cli/options.h"
#include "kafkaio/admin.h"
#include "migrate/preflight.h"
#include "replicate/cluster_settings.h"
#include "zkoffsets/zk_client.h"

namespace kferry::cli {

// The options and the configuration file together; options win.
struct Settings {
  CommonOptions common;
  Config config;
  std::string zookeeper;  // empty exactly with OffsetReads::kBroker
  std::optional<zkoffsets::ZkLogin> zookeeper_login;
  std::string bootstrap;
  std::vector<wire::Address> bootstrap_addresses;
  kafkaio::ClientProperties properties;  // for librdkafka
  wire::ClientConfig client;             // for our own connections
  OffsetReads offset_reads = OffsetReads::kBoth;
};

// Reads --config and --command-config and checks the connections' texts; no network. kUsage.
Result<Settings> read_settings(const CommonOptions& common);
// The same with the connections that a plan names, where neither options nor configuration give
// any. Where its offsets were read, they are read again: kUsage when the options say otherwise.
Result<Settings> read_settings(CommonOptions common, const verify::Source& source);

// How a plan is applied or rolled back with these settings.
migrate::ExecutorConfig executor_config(const Settings& settings, const ApplyOptions& apply);

// Open connections. Not thread-safe.
class Session {
 public:
  static Result<std::unique_ptr<Session>> open(const Settings& settings, const StopToken& stop);

  const Settings& settings() const { return settings_; }
  migrate::OffsetSource& source() { return *source_; }
  wire::Cluster& cluster() { return cluster_; }
  const StopToken& stop() const { return stop_; }
  // librdkafka's side, opened when it is first needed.
  Result<kafkaio::Admin*> admin();

  // The selected groups and their settings. kUsage: nothing selected, an unknown team; kRefused: a
  // group that does not exist in ZooKeeper (with the names that come close), or a topic that Kafka
  // does not have although brokers shall be asked for it.
  Result<migrate::GatherRequest> select(const SelectionOptions& selection,
                                        bool everything_by_default);
  // gather() with progress on stderr.
  Result<migrate::Facts> gather(const migrate::GatherRequest& request);

 private:
  Session(Settings settings, std::optional<zkoffsets::ZkClient> zookeeper, wire::Cluster cluster,
          const StopToken& stop);
  Result<> check_topics(const migrate::GatherRequest& request);

  Settings settings_;
  std::optional<zkoffsets::ZkClient> zookeeper_;  // nullopt: all is read through the brokers
  wire::Cluster cluster_;
  std::unique_ptr<migrate::OffsetSource> source_;  // of one of them
  const StopToken& stop_;
  std::unique_ptr<kafkaio::Admin> admin_;
};

// What one cluster's connections are made from.
struct ClusterOptions {
  std::string bootstrap;                    // HOST:PORT,...
  std::string properties_file = {};         // Java or librdkafka properties; empty: none
  std::string option = "--command-config";  // where the file was named, for messages
  std::string alias = {};
  Duration request_timeout{30'000};
};

// --zookeeper-auth-file, or what the configuration says; nullopt: no login. kUsage.
Result<std::optional<zkoffsets::ZkLogin>> read_zookeeper_login(const CommonOptions& common,
                                                               const Config& config);

// Logs a warning when every user may read the file of these properties, and a secret is in it.
void warn_of_plain_secrets(const std::map<std::string, std::string>& properties,
                           const std::string& path);

// Reads the properties and checks everything; no network. kUsage.
Result<replicate::ClusterSettings> read_cluster_settings(const ClusterOptions& options);

// Off, a terminal line or log lines, as the options and stderr have it.
Progress::Mode progress_mode(const CommonOptions& common);

// A whole file. kUsage when it cannot be read.
Result<std::string> read_file(const std::string& path, std::string_view what);

}  // namespace kferry::cli
