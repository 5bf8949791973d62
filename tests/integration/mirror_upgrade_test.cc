// A source cluster whose brokers are of two versions, and the rolling upgrade that makes it one:
// what is spoken is agreed upon with each broker anew, nothing is lost, nothing comes twice.
#include <algorithm>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include "tests/integration/mirror_fixture.h"
#include "tests/integration/trouble_fixture.h"
#include "wire/messages/metadata.h"

namespace kferry::mirror {
namespace {

constexpr int32_t kPartitions = 4;
constexpr int kGroups = 6;  // coordinated by both brokers

struct Upgrade {
  const char* from;
  const char* to;
  const char* protocol;  // that both speak among themselves
  bool soak;
};

// A plain producer, for brokers of any version; it goes on until stop(). What it sends twice stands
// on the source twice.
class PlainTraffic {
 public:
  PlainTraffic(const std::string& bootstrap_servers, std::string topic)
      : topic_(std::move(topic)), kafka_(open(bootstrap_servers)) {
    thread_ = std::jthread([this] { run(); });
  }
  ~PlainTraffic() {
    stop();
    rd_kafka_destroy(kafka_);
  }
  PlainTraffic(const PlainTraffic&) = delete;
  PlainTraffic& operator=(const PlainTraffic&) = delete;

  // How many records were sent.
  int64_t stop() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
    EXPECT_EQ(rd_kafka_flush(kafka_, 60'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    return sent_;
  }
  int64_t sent() const { return sent_; }

 private:
  static rd_kafka_t* open(const std::string& bootstrap_servers) {
    char why[512];
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    for (const auto& [key, value] :
         std::map<std::string, std::string>{{"bootstrap.servers", bootstrap_servers},
                                            {"compression.codec", "gzip"},
                                            {"message.send.max.retries", "1000"},
                                            {"retry.backoff.ms", "50"},
                                            {"linger.ms", "5"}})
      if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), why, sizeof(why)) != RD_KAFKA_CONF_OK)
        throw std::runtime_error(why);
    rd_kafka_t* const kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (kafka == nullptr) throw std::runtime_error(why);
    return kafka;
  }
  void run() {
    const StopToken never;
    while (!stopped_) {
      for (int i = 0; i < 20; ++i) {
        const std::string value = fmt::format("record {}", sent_.load());
        const auto partition = static_cast<int32_t>(sent_ % kPartitions);
        const auto sent = rd_kafka_producev(
            kafka_, RD_KAFKA_V_TOPIC(topic_.c_str()), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (sent == RD_KAFKA_RESP_ERR_NO_ERROR) ++sent_;
      }
      rd_kafka_poll(kafka_, 0);
      never.sleep_for(Duration(50));
    }
  }

  const std::string topic_;
  rd_kafka_t* const kafka_;
  std::atomic<bool> stopped_ = false;
  std::atomic<int64_t> sent_ = 0;
  std::jthread thread_;
};

class MirrorUpgrade : public testing::TestWithParam<Upgrade> {
 protected:
  void SetUp() override {
    if (GetParam().soak && std::getenv("KFERRY_SOAK") == nullptr)
      GTEST_SKIP() << "in the soak only";
    clusters_.emplace(Environment::start(
        {.source = GetParam().from,
         .source_brokers = 2,
         .source_settings = {{"inter.broker.protocol.version", GetParam().protocol},
                             {"log.message.format.version", GetParam().protocol},
                             {"offsets.topic.replication.factor", "2"}},
         .target = "4.1.0"}));
    const Json topic = {
        {"name", "t"}, {"partitions", kPartitions}, {"replication_factor", 2}, {"records", 200}};
    Json groups = Json::array();
    for (int i = 0; i < kGroups; ++i)
      groups.push_back({{"group", group(i)}, {"offsets", {{"t", {{"0", i}, {"3", 100 + i}}}}}});
    clusters_->workload({{"topics", Json::array({topic})}, {"groups", groups}});
  }

  static std::string group(int number) { return fmt::format("g-{}", number); }

  bool all_in_sync() {
    return before_long([&] {
      auto cluster = wire::Cluster::connect(
          value_of(wire::parse_bootstrap_servers(clusters_->bootstrap_servers())), {}, within());
      if (!cluster) return false;
      const auto broker = cluster->any_broker(within());
      if (!broker) return false;
      const auto answer = (*broker)->call(
          wire::MetadataRequest{.topics = {{{.topic_id = {}, .name = TopicName("t")}}}}, within());
      return answer && std::ranges::all_of(answer->topics, [](const auto& topic) {
               return std::ranges::all_of(topic.partitions, [](const auto& one) {
                 return one.error_code == 0 && one.isr_nodes.size() == 2;
               });
             });
    });
  }

  // In the cluster as it is now.
  ProcessResult offsets(const std::string& verb, const Arguments& more) {
    Arguments arguments = Arguments{verb, "--zookeeper", clusters_->zookeeper_connect(),
                                    "--bootstrap-server", clusters_->bootstrap_servers()} +
                          more;
    for (int i = 0; i < kGroups; ++i) arguments = arguments + Arguments{"--group", group(i)};
    return testenv::run_kferry(arguments);
  }

  std::optional<Environment> clusters_;
  trouble::Folder folder_;
};

TEST_P(MirrorUpgrade, ARollingUpgradeGoesUnnoticed) {
  PlainTraffic traffic(clusters_->bootstrap_servers(), "t");
  MirrorProcess mirror(*clusters_, flow("upgrade", "t") + Arguments{"--groups", "g-.*"});
  ASSERT_TRUE(mirror.reaches([](const Json& status) {
    return in_phase(status, "copying") == kPartitions;
  })) << mirror.log();
  clusters_->upgrade_broker(0, GetParam().to);
  ASSERT_TRUE(all_in_sync());

  // Two versions at once.
  const ProcessResult migrated =
      offsets("migrate", {"--execute", "--quiet-period", "0s", "--journal", folder_ / "journal"});
  EXPECT_EQ(migrated.exit_code, 0) << migrated.out << migrated.err;
  EXPECT_EQ(offsets("verify", {}).exit_code, 0);
  SourceWriter target(clusters_->target_bootstrap_servers());
  for (int i = 0; i < kGroups; ++i)
    EXPECT_TRUE(before_long([&] {
      return target.committed(group(i), at("t", 0)) == i &&
             target.committed(group(i), at("t", 3)) == 100 + i;
    })) << group(i)
        << mirror.log();

  const int64_t before = traffic.sent();
  clusters_->upgrade_broker(1, GetParam().to);
  ASSERT_TRUE(all_in_sync());
  EXPECT_GT(traffic.stop(), before);
  EXPECT_TRUE(mirror.running()) << mirror.log();
  EXPECT_EQ(mirror.stop().exit_code, 0);
  mirror_until_caught_up(*clusters_, flow("upgrade", "t") + Arguments{"--groups", "g-.*"});
  EXPECT_TRUE(same_for_java(*clusters_, "t"));
}

INSTANTIATE_TEST_SUITE_P(Versions, MirrorUpgrade,
                         testing::Values(Upgrade{"0.10.2.2", "1.1.1", "0.10.2", false},
                                         Upgrade{"2.8.2", "3.3.2", "2.8", true}),
                         [](const auto& one) {
                           std::string name =
                               fmt::format("From{}To{}", one.param.from, one.param.to);
                           std::erase(name, '.');
                           return name;
                         });

}  // namespace
}  // namespace kferry::mirror
