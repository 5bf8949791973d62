#include "replicate/mm2_topics.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "kafkaio/topic_admin.h"

namespace kferry::replicate {
namespace {

constexpr const char* kAbout = "MM2's topics";
constexpr Duration kRoundTimeout{30'000};
constexpr Duration kLastRoundTimeout{5'000};
constexpr Duration kPause{2'000};  // after trouble

}  // namespace

Mm2Topics::Mm2Topics(Mm2Tools tools)
    : tools_(std::move(tools)),
      source_topics_(tools_.flow.source),
      source_{tools_.flow.source},
      target_{tools_.flow.target, tools_.flow.replication_factor} {}

bool Mm2Topics::wanted() const {
  const FlowSettings& flow = tools_.flow;
  return flow.emit_checkpoints || flow.emit_heartbeats || flow.emit_offset_syncs;
}

TopicName Mm2Topics::syncs_topic() const {
  const FlowSettings& flow = tools_.flow;
  return offset_syncs_topic(flow.offset_syncs_on_target ? flow.source.alias : flow.target.alias);
}

void Mm2Topics::run(const StopToken& stop) {
  if (!wanted()) return;
  const FlowSettings& flow = tools_.flow;
  while (!stop.stop_requested()) {
    const auto done = round(Wait(Deadline::after(kRoundTimeout), stop), false);
    Duration pause = kPause;
    if (done) {
      tools_.troubles.clear(kAbout);
      pause = std::min(flow.checkpoint_interval, flow.heartbeat_interval);
    } else if (!stop.stop_requested()) {
      if (tools_.troubles.set(kAbout, done.error().message))
        log::warn("MM2's topics could not be written", {{"error", done.error().message}});
      // A producer does not recover from a fatal error.
      source_.producer.reset();
      target_.producer.reset();
    }
    stop.sleep_for(pause);
  }
  if (!source_.producer && !target_.producer) return;
  if (const auto done = round(Wait::uninterruptible(kLastRoundTimeout), true); !done)
    log::warn("MM2's topics miss what happened last", {{"error", done.error().message}});
}

Result<> Mm2Topics::round(const Wait& wait, bool last) {
  const FlowSettings& flow = tools_.flow;
  KFERRY_CHECK(open_all(wait));
  if (flow.emit_heartbeats && next_heartbeat_.expired() && !last) {
    KFERRY_CHECK(beat(wait));
    next_heartbeat_ = Deadline::after(flow.heartbeat_interval);
  }
  if (flow.emit_checkpoints && (next_checkpoint_.expired() || last)) {
    KFERRY_CHECK(write_checkpoints(wait));
    next_checkpoint_ = Deadline::after(flow.checkpoint_interval);
  }
  if (next_sync_.expired() || last) {
    if (flow.emit_heartbeats && !last) KFERRY_CHECK(choose_heartbeat_topics(wait));
    if (flow.emit_offset_syncs) KFERRY_CHECK(write_offset_syncs(wait));
    next_sync_ = Deadline::after(flow.refresh_interval);
  }
  return {};
}

Result<> Mm2Topics::open_all(const Wait& wait) {
  const FlowSettings& flow = tools_.flow;
  std::map<Outlet*, std::set<TopicName>> topics;
  if (flow.emit_checkpoints) topics[&target_].insert(checkpoints_topic(flow.source.alias));
  if (flow.emit_offset_syncs) topics[&outlet_of_syncs()].insert(syncs_topic());
  if (flow.emit_heartbeats && !target_.producer) {
    KFERRY_CHECK(choose_heartbeat_topics(wait));
    topics[&target_].insert(heartbeat_topics_.begin(), heartbeat_topics_.end());
  }
  for (auto& [outlet, names] : topics)
    if (!outlet->producer) KFERRY_CHECK(open(*outlet, names, wait));
  return {};
}

Result<> Mm2Topics::open(Outlet& outlet, const std::set<TopicName>& topics, const Wait& wait) {
  KFERRY_TRY(kafkaio::TopicAdmin admin, kafkaio::TopicAdmin::connect(outlet.cluster.properties));
  std::vector<kafkaio::NewTopic> wanted;
  for (const TopicName& topic : topics)
    wanted.push_back({.name = topic,
                      .partitions = 1,
                      .replication_factor = outlet.replication_factor,
                      .configs = {{"cleanup.policy", "compact"}}});
  KFERRY_TRY(const auto created, admin.create(wanted, wait));
  for (const auto& [topic, result] : created) {
    if (result || result.error().kafka_code == kafkaio::kTopicAlreadyExistsCode) continue;
    // As MM2 does: perhaps it is there already, and only creating it is denied.
    if (result.error().kind != ErrorKind::kNotAuthorised) return result;
    log::warn("a topic of MM2's may not be created; it is taken to exist",
              {{"topic", topic.value()}, {"error", result.error().message}});
  }
  KFERRY_TRY(kafkaio::Producer producer, kafkaio::Producer::open(outlet.cluster.properties));
  outlet.producer = std::move(producer);
  return {};
}

Result<> Mm2Topics::choose_heartbeat_topics(const Wait& wait) {
  const FlowSettings& flow = tools_.flow;
  heartbeat_topics_ = {heartbeats_topic(), remote_heartbeats_topic(flow.source.alias)};
  std::set<TopicName> rivals;  // of the source, that would get these names
  for (const TopicName& topic : heartbeat_topics_) {
    if (!topic.value().starts_with(flow.topic_prefix)) continue;
    const TopicName rival(topic.value().substr(flow.topic_prefix.size()));
    if (flow.topics.selects(rival.value()) && !is_internal_topic(rival)) rivals.insert(rival);
  }
  if (rivals.empty()) return {};
  KFERRY_TRY(const auto existing, source_topics_.existing(rivals, wait));
  for (const TopicName& rival : rivals)
    if (std::ranges::any_of(existing, [&](const auto& one) { return one.topic == rival; }))
      heartbeat_topics_.erase(target_topic(flow, rival));
  return {};
}

Result<> Mm2Topics::beat(const Wait& wait) {
  const FlowSettings& flow = tools_.flow;
  KFERRY_TRY(const Mm2Record record,
             heartbeat_record(flow.source.alias, flow.target.alias, wall_clock_ms()));
  for (const TopicName& topic : heartbeat_topics_)
    KFERRY_CHECK(target_.producer->send({topic, Partition(0)}, record.key, record.value, wait));
  return target_.producer->flush(wait);
}

Result<> Mm2Topics::write_checkpoints(const Wait& wait) {
  for (GroupCheckpoint& one : tools_.take_checkpoints()) {
    auto key = std::pair(one.group, one.target);
    checkpoints_.insert_or_assign(std::move(key), std::move(one));
  }
  if (checkpoints_.empty()) return {};
  const TopicPartition topic{checkpoints_topic(tools_.flow.source.alias), Partition(0)};
  for (const auto& [key, checkpoint] : checkpoints_) {
    const auto record = checkpoint_record(checkpoint);
    if (!record) {
      log::warn("a checkpoint cannot be written", {{"error", record.error().message}});
      continue;
    }
    KFERRY_CHECK(target_.producer->send(topic, record->key, record->value, wait));
  }
  KFERRY_CHECK(target_.producer->flush(wait));
  checkpoints_.clear();
  return {};
}

Result<> Mm2Topics::write_offset_syncs(const Wait& wait) {
  Outlet& outlet = outlet_of_syncs();
  const TopicPartition topic{syncs_topic(), Partition(0)};
  std::map<TopicPartition, SourceOffset> written;
  for (const PartitionStatus& one : tools_.status.status().partitions) {
    const auto before = synced_.find(one.source);
    if (before != synced_.end() && before->second == one.position) continue;
    if (one.position.value() < 1 || one.target_end.value() < 1) continue;
    KFERRY_TRY(const Mm2Record record,
               offset_sync_record(one.source, SourceOffset(one.position.value() - 1),
                                  TargetOffset(one.target_end.value() - 1)));
    KFERRY_CHECK(outlet.producer->send(topic, record.key, record.value, wait));
    written[one.source] = one.position;
  }
  if (written.empty()) return {};
  KFERRY_CHECK(outlet.producer->flush(wait));
  for (const auto& [source, position] : written) synced_[source] = position;
  return {};
}

}  // namespace kferry::replicate
