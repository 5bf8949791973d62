// Brokers that die and come back, on both sides, and answers that are lost after the request had
// its effect: nothing is lost, doubled or out of order.
#include <fmt/format.h>

#include "tests/integration/mirror_fixture.h"
#include "tests/integration/mirror_traffic.h"
#include "tests/support/recording_proxy.h"
#include "wire/error_code.h"
#include "wire/messages/transactions.h"

namespace kferry::mirror {
namespace {

using test::ok;

class MirrorFaults : public testing::Test {
 protected:
  MirrorFaults() : environment_(Environment::start(options())) {
    source_proxy_.set_upstream(port_of("source"));
    target_proxy_.set_upstream(port_of("target"));
    // The mirror's own connections; librdkafka has another id.
    source_proxy_.only_client("kferry");
    target_proxy_.only_client("kferry");
    source_ = std::make_unique<SourceWriter>(environment_.bootstrap_servers());
  }

  testenv::Options options() {
    testenv::Options options{.source = "3.9.1", .target = "4.1.0"};
    options.source_settings = {{"zookeeper.session.timeout.ms", "2000"}};
    options.target_settings = {{"broker.session.timeout.ms", "3000"}};
    options.advertise = {{0, to_string(source_proxy_.address())}};
    options.target_advertise = {{1, to_string(target_proxy_.address())}};
    return options;
  }
  uint16_t port_of(const char* side) const {
    return environment_.json()[side]["brokers"][0]["port"];
  }
  // What has been copied by then is copied, and the mirror is at work.
  static testing::AssertionResult has_copied(MirrorProcess& mirror, const Traffic& traffic,
                                             int64_t more) {
    const Json before = mirror.status();
    if (before.is_null()) return testing::AssertionFailure() << "no status\n" << mirror.log();
    const int64_t records = before["summary"]["records"];
    const int64_t sent = traffic.sent();
    // Longer than the producer may take to find a broker again that was killed.
    const bool copied =
        mirror.reaches([&](const Json& now) { return now["summary"]["records"] >= records + more; },
                       Duration(120'000));
    if (copied) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "the producer has sent " << traffic.sent() - sent
                                       << " records meanwhile " << traffic.trouble() << "\n"
                                       << mirror.status().dump(1) << "\n"
                                       << mirror.log();
  }
  void cut_answers(MirrorProcess& mirror, const Traffic& traffic);
  void restart_brokers(MirrorProcess& mirror, const Traffic& traffic);

  test::RecordingProxy source_proxy_;
  test::RecordingProxy target_proxy_;
  Environment environment_;
  std::unique_ptr<SourceWriter> source_;
};

// One fault after the other, each while records are on their way.
void MirrorFaults::cut_answers(MirrorProcess& mirror, const Traffic& traffic) {
  using enum wire::ApiKey;
  struct Fault {
    test::RecordingProxy& proxy;
    wire::ApiKey request;
    bool before;
  };
  const std::vector<Fault> faults{{target_proxy_, kProduce, false},
                                  {target_proxy_, kWriteTxnMarkers, false},
                                  {source_proxy_, kFetch, false},
                                  {target_proxy_, kProduce, true},
                                  {target_proxy_, kWriteTxnMarkers, true},
                                  {source_proxy_, kFetch, true},
                                  {target_proxy_, kDescribeProducers, false},
                                  {target_proxy_, kListOffsets, false}};
  for (int round = 0; round < 2; ++round)
    for (const Fault& fault : faults) {
      SCOPED_TRACE(fmt::format("{} {}", static_cast<int>(fault.request), fault.before));
      fault.proxy.clear_faults();
      if (fault.before)
        fault.proxy.cut_before(fault.request, 1 + round);
      else
        fault.proxy.cut_after(fault.request, 1 + round);
      // Asking where the target is happens after a fault only.
      if (fault.request == kDescribeProducers || fault.request == kListOffsets)
        target_proxy_.cut_after(kProduce);
      ASSERT_TRUE(has_copied(mirror, traffic, 1'500));
    }
}

void MirrorFaults::restart_brokers(MirrorProcess& mirror, const Traffic& traffic) {
  for (const char* const action : {"kill", "stop"}) {
    environment_.broker(action, 1, Side::target);
    environment_.broker("start", 1, Side::target);
    ASSERT_TRUE(has_copied(mirror, traffic, 1'000));
    environment_.broker(action, 0, Side::source);
    environment_.broker("start", 0, Side::source);
    ASSERT_TRUE(has_copied(mirror, traffic, 1'000));
  }
}

// What a broker with an authorizer says to a principal without ALTER and CLUSTER_ACTION.
test::RecordingProxy::Forgery refusal_of_markers() {
  using wire::WriteTxnMarkersRequest;
  const auto nothing = [](const test::WireRequest& request) {
    return test::encode_body(WriteTxnMarkersRequest{}, request.version());
  };
  const auto refusal = [](const test::WireRequest& request) {
    wire::WriteTxnMarkersResponse response;
    for (const auto& marker : request.as<WriteTxnMarkersRequest>().markers) {
      auto& answer = response.markers.emplace_back();
      answer.producer_id = marker.producer_id;
      for (const auto& topic : marker.topics) {
        auto& named = answer.topics.emplace_back();
        named.name = topic.name;
        for (const Partition one : topic.partition_indexes)
          named.partitions.push_back({one, wire::kClusterAuthorizationFailed});
      }
    }
    return test::encode_body(response, request.version());
  };
  return {nothing, refusal};
}

TEST_F(MirrorFaults, EmptyTransactionsFillGapsWhereMarkersAreRefused) {
  using enum wire::ApiKey;
  target_proxy_.forge(kWriteTxnMarkers, refusal_of_markers());
  source_->create("refused", 4);
  Traffic traffic(environment_.bootstrap_servers(), "refused");
  MirrorProcess mirror(environment_, flow("refused", "refused"));
  ASSERT_TRUE(has_copied(mirror, traffic, 1'000));
  for (const auto cut : {&test::RecordingProxy::cut_before, &test::RecordingProxy::cut_after})
    for (const wire::ApiKey request : {kAddPartitionsToTxn, kEndTxn, kInitProducerId, kProduce}) {
      SCOPED_TRACE(static_cast<int>(request));
      (target_proxy_.*cut)(request, 2);
      ASSERT_TRUE(has_copied(mirror, traffic, 500));
    }
  mirror.kill();
  MirrorProcess second(environment_, flow("refused", "refused"));
  ASSERT_TRUE(has_copied(second, traffic, 500));
  traffic.stop();
  EXPECT_TRUE(second.reaches([](const Json& now) { return has_no_lag(now); })) << second.log();
  const Json status = second.status();
  EXPECT_EQ(status["summary"]["identity_partitions"], 4) << status;
  EXPECT_EQ(second.stop().exit_code, 0) << second.log();
  EXPECT_GT(target_proxy_.exchanges(kEndTxn).size(), 20U);
  EXPECT_TRUE(same_for_java(environment_, "refused"));
  EXPECT_TRUE(same_for_librdkafka(environment_, "refused", 4));
}

TEST_F(MirrorFaults, LostAnswersAndRestartedBrokers) {
  source_->create("cut", 4);
  MirrorProcess mirror(environment_, flow("cut", "cut|restarted"));
  {
    Traffic traffic(environment_.bootstrap_servers(), "cut");
    ASSERT_TRUE(has_copied(mirror, traffic, 1'000));
    ASSERT_NO_FATAL_FAILURE(cut_answers(mirror, traffic));
    traffic.stop();
  }
  source_proxy_.clear_faults();
  target_proxy_.clear_faults();
  source_->create("restarted", 4);
  {
    Traffic traffic(environment_.bootstrap_servers(), "restarted", {.transactions = false});
    ASSERT_NO_FATAL_FAILURE(restart_brokers(mirror, traffic));
    traffic.stop();
  }
  EXPECT_TRUE(mirror.reaches([](const Json& now) { return has_no_lag(now); })) << mirror.log();
  EXPECT_EQ(mirror.stop().exit_code, 0) << mirror.log();
  const Json status = mirror_until_caught_up(environment_, flow("cut", "cut|restarted"));
  EXPECT_EQ(status["summary"]["identity_partitions"], 8);
  EXPECT_TRUE(same_for_java(environment_, "cut|restarted"));
  EXPECT_TRUE(same_for_librdkafka(environment_, "cut", 4));
}

}  // namespace
}  // namespace kferry::mirror
