// A gap that a suspended process fills when it is awake again: a control record too many displaces
// what follows, and the next one to begin must not take the log's end for its position.
#include <fmt/format.h>

#include "kafkaio/compacted_reader.h"
#include "tests/integration/mirror_fixture.h"
#include "wire/messages/transactions.h"

namespace kferry::mirror {
namespace {

// As a process of the flow writes it that believes the partition to be its own still.
void write_filler(SourceWriter& target, const std::string& bootstrap_servers,
                  const std::string& flow_name, const TopicPartition& partition) {
  auto state = value_of(kafkaio::CompactedReader::open(
      {.bootstrap_servers = bootstrap_servers},
      TopicName(fmt::format("__kferry.{}.state", flow_name)), within()));
  value_of(state.catch_up(within()));
  const Json filler = Json::parse(state.entries().at("flow")).at("filler");
  wire::WriteTxnMarkersRequest request;
  auto& marker = request.markers.emplace_back();
  marker.producer_id = filler.at(0);
  marker.producer_epoch = filler.at(1);
  marker.topics = {{partition.topic, {partition.partition}}};
  auto& cluster = target.cluster();
  const auto metadata = value_of(cluster.fetch_metadata(std::vector{partition.topic}, within()));
  const BrokerId leader =
      metadata.topics.at(partition.topic).partitions.at(partition.partition).leader;
  const auto answer = value_of(value_of(cluster.broker(leader, within()))->call(request, within()));
  ASSERT_EQ(answer.markers.at(0).topics.at(0).partitions.at(0).error_code, 0);
}

TEST_F(MirrorOnBrokers, AFillerTooManyIsNoticedAtTheNextStart) {
  const std::string name = "displaced";
  source().create(name, 1);
  source().append_some(at(name, 0), {30}, 21'000);
  mirror_until_caught_up(clusters(), flow(name, name));
  ASSERT_NO_FATAL_FAILURE(
      write_filler(target(), clusters().target_bootstrap_servers(), name, at(name, 0)));
  source().append_some(at(name, 0), {20}, 22'000);
  const Json status = mirror_until_caught_up(clusters(), flow(name, name), 3);
  const Json partition = partition_of(status, name, 0);
  EXPECT_EQ(partition["phase"], "quarantined") << status.dump(1);
  EXPECT_TRUE(test::has(partition["reason"], "record 30 is not on the target")) << partition;
}

// The batch behind it is in the target's log already; who goes on must not believe where it stands.
TEST_F(MirrorOnBrokers, WhatAFillerTooManyDisplacesStaysQuarantined) {
  const std::string name = "displacing";
  source().create(name, 1);
  source().append_some(at(name, 0), {30}, 23'000);
  MirrorProcess mirror(clusters(), flow(name, name));
  ASSERT_TRUE(mirror.reaches([](const Json& now) {
    return now["summary"]["records"] == 30 && has_no_lag(now);
  })) << mirror.log();
  ASSERT_NO_FATAL_FAILURE(
      write_filler(target(), clusters().target_bootstrap_servers(), name, at(name, 0)));
  source().append_some(at(name, 0), {20}, 24'000);
  ASSERT_TRUE(mirror.reaches([](const Json& now) { return in_phase(now, "quarantined") == 1; }))
      << mirror.log();
  mirror.kill();
  source().append_some(at(name, 0), {20}, 25'000);
  const Json status = mirror_until_caught_up(clusters(), flow(name, name), 3);
  const Json partition = partition_of(status, name, 0);
  EXPECT_EQ(partition["phase"], "quarantined") << status.dump(1);
  EXPECT_TRUE(test::has(partition["reason"], "record 50 is another one on the target"))
      << partition;
}

}  // namespace
}  // namespace kferry::mirror
