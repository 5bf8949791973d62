#include "replicate/state_topic.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/backoff.h"
#include "replicate/cutover_state.h"
#include "wire/error_code.h"

namespace kferry::replicate {
namespace {

// FNV-1a, which is the same everywhere and for ever.
uint32_t stable_hash(std::string_view text) {
  uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

Result<> create(const TopicName& topic, const FlowSettings& flow, kafkaio::TopicAdmin& admin,
                const Wait& wait) {
  const kafkaio::NewTopic wanted{.name = topic,
                                 .partitions = StateTopic::kSlots,
                                 .replication_factor = flow.replication_factor,
                                 .configs = {{"cleanup.policy", "compact"},
                                             {"min.compaction.lag.ms", "0"},
                                             {"segment.bytes", "16777216"},
                                             // Only closed segments are compacted.
                                             {"segment.ms", "600000"},
                                             {"compression.type", "producer"}}};
  KFERRY_TRY(auto created, admin.create({wanted}, wait));
  const auto& result = created.at(topic);
  if (!result && result.error().kafka_code != kafkaio::kTopicAlreadyExistsCode)
    return std::unexpected(in_context(result.error(), "creating the flow's state topic"));
  return {};
}

Result<> check(const TopicName& topic, kafkaio::TopicAdmin& admin, const Wait& wait) {
  KFERRY_TRY(const auto counts, admin.partition_counts(wait));
  const auto found = counts.find(topic);
  if (found != counts.end() && found->second != StateTopic::kSlots)
    return fail(ErrorKind::kRefused,
                fmt::format("topic {} on the target has {} partitions, the state of a flow has {}",
                            topic, found->second, StateTopic::kSlots),
                "it is not kferry's: choose another --flow name");
  return {};
}

}  // namespace

TopicName StateTopic::name_of(const std::string& flow) {
  std::string name = flow;
  if (const size_t arrow = name.find("->"); arrow != name.npos) name.replace(arrow, 2, ".");
  std::ranges::replace_if(
      name,
      [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '_' && c != '-'; },
      '_');
  return TopicName("__kferry." + name + ".state");
}

Partition StateTopic::slot_of(const TopicPartition& source) {
  const uint32_t hash = stable_hash(fmt::format("{}/{}", source.topic, source.partition));
  return Partition(static_cast<int32_t>(hash % static_cast<uint32_t>(kSlots)));
}

Result<std::optional<LoadedState>> read_state(const kafkaio::ClientProperties& cluster,
                                              const std::string& flow, const Wait& wait) {
  auto reader = kafkaio::CompactedReader::open(cluster, StateTopic::name_of(flow), wait);
  if (!reader && reader.error().kafka_code == wire::kUnknownTopicOrPartition) return std::nullopt;
  if (!reader) return std::unexpected(reader.error());
  KFERRY_CHECK(reader->catch_up(wait));
  return LoadedState(reader->entries());
}

Result<std::unique_ptr<StateTopic>> StateTopic::open(const FlowSettings& flow,
                                                     kafkaio::TopicAdmin& admin, const Wait& wait) {
  const TopicName topic = name_of(flow.name);
  KFERRY_CHECK(create(topic, flow, admin, wait));
  KFERRY_CHECK(check(topic, admin, wait));
  kafkaio::ClientProperties writing = flow.target.properties;
  writing.properties.try_emplace("compression.type", "lz4");
  std::vector<TopicPartition> slots;
  for (int32_t slot = 0; slot < kSlots; ++slot) slots.push_back({topic, Partition(slot)});
  const auto attempt = [&]() -> Result<std::unique_ptr<StateTopic>> {
    KFERRY_TRY(kafkaio::Producer producer, kafkaio::Producer::open(writing));
    KFERRY_TRY(kafkaio::CompactedReader reader,
               kafkaio::CompactedReader::open(flow.target.properties, slots));
    std::unique_ptr<StateTopic> state(
        new StateTopic(topic, std::move(producer), std::move(reader)));
    KFERRY_CHECK(state->catch_up(wait));
    return state;
  };
  // A broker may not know yet what another one has just created.
  return with_retry({}, wait, attempt, [](const Error& error) {
    return error.kafka_code == wire::kUnknownTopicOrPartition;
  });
}

Result<StateTopic::Changes> StateTopic::catch_up(const Wait& wait) {
  // What we put meanwhile must not be taken back.
  const std::lock_guard no_put(put_mutex_);
  KFERRY_CHECK(reader_.catch_up(wait));
  const std::lock_guard lock(mutex_);
  Changes changes;
  for (const auto& [key, value] : reader_.entries()) {
    const auto known = records_.find(key);
    if (known == records_.end() || known->second != value) changes.emplace_back(key, value);
  }
  for (const auto& [key, value] : records_)
    if (!reader_.entries().contains(key)) changes.emplace_back(key, std::nullopt);
  records_ = reader_.entries();
  return changes;
}

// "partition/T/P", "plan/T/P" and "runs/T/P/N" go where partition T-P belongs, all else to slot 0.
Partition StateTopic::partition_of(const std::string& key) const {
  const size_t kind = key.find('/');
  if (kind == key.npos || key.starts_with("topic/") || key.starts_with("group/"))
    return Partition(0);
  size_t end = key.size();
  if (key.starts_with("runs/")) end = key.rfind('/');
  return Partition(
      static_cast<int32_t>(stable_hash(std::string_view(key).substr(kind + 1, end - kind - 1)) %
                           static_cast<uint32_t>(kSlots)));
}

Result<> StateTopic::put(const std::vector<Entry>& entries, const Wait& wait) {
  const std::lock_guard one_at_a_time(put_mutex_);
  for (const Entry& entry : entries)
    KFERRY_CHECK(producer_.send({topic_, partition_of(entry.key)}, entry.key, entry.value, wait));
  KFERRY_CHECK(producer_.flush(wait));
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries) {
    if (entry.value)
      records_[entry.key] = *entry.value;
    else
      records_.erase(entry.key);
  }
  return {};
}

LoadedState StateTopic::all() const {
  const std::lock_guard lock(mutex_);
  return LoadedState(records_);
}

std::optional<std::string> StateTopic::get(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = records_.find(key);
  return found == records_.end() ? std::nullopt : std::optional(found->second);
}

LoadedState StateTopic::of(const TopicPartition& source) const {
  LoadedState::Records records;
  const std::lock_guard lock(mutex_);
  const auto take = [&](const std::string& key) {
    const auto found = records_.find(key);
    if (found != records_.end()) records.insert(*found);
    return found != records_.end();
  };
  take(partition_key(source));
  take(plan_key(source));
  for (size_t chunk = 0; take(runs_key(source, chunk)); ++chunk) continue;
  return LoadedState(std::move(records));
}

LoadedState::Records StateTopic::of_cutover() const {
  LoadedState::Records records;
  const std::lock_guard lock(mutex_);
  if (const auto found = records_.find(kCutoverKey); found != records_.end())
    records.insert(*found);
  for (auto at = records_.lower_bound(std::string(kMovedPrefix));
       at != records_.end() && at->first.starts_with(kMovedPrefix); ++at)
    records.insert(*at);
  return records;
}

bool StateTopic::heads_filled(const TopicName& source, int32_t partitions) const {
  for (int32_t p = 0; p < partitions; ++p) {
    const TopicPartition partition{source, Partition(p)};
    const auto record = of(partition).partition(partition);
    if (!record || !*record || (*record)->fill_to) return false;
  }
  return true;
}

}  // namespace kferry::replicate
