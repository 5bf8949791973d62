#include "replicate/mirror.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "base/log.h"
#include "replicate/wire_sink.h"
#include "replicate/wire_source.h"
#include "wire/error_code.h"
#include "wire/log_range.h"

namespace kferry::replicate {
namespace {

constexpr Duration kConnectTimeout{60'000};
constexpr Duration kRefreshTimeout{60'000};
constexpr Duration kWatchTimeout{5'000};  // shorter than the session of the work sharing
constexpr Duration kTick{100};
constexpr Duration kLeastBetweenRefreshes{200};
constexpr Duration kLeaveTimeout{5'000};

std::string make_instance_id() {
  std::random_device random;
  return fmt::format("{:08x}", random());
}

// Rises with every connection that is opened later, also by other processes: seconds since 2024.
int32_t coordinator_epoch() {
  constexpr int64_t kFrom = 1'704'067'200;
  static std::atomic<int32_t> last = 0;
  const auto now = static_cast<int32_t>(wall_clock_ms() / 1000 - kFrom);
  int32_t before = last.load();
  while (!last.compare_exchange_weak(before, std::max(now, before + 1))) continue;
  return std::max(now, before + 1);
}

}  // namespace

void Mirror::AddressBook::learn(const std::map<BrokerId, wire::Address>& brokers) {
  const std::lock_guard lock(mutex_);
  brokers_ = brokers;
}

Result<wire::Broker> Mirror::AddressBook::connect(BrokerId id, const ClusterSettings& cluster,
                                                  const Wait& wait) const {
  wire::Address address;
  {
    const std::lock_guard lock(mutex_);
    const auto known = brokers_.find(id);
    if (known == brokers_.end())
      return fail(ErrorKind::kUnreachable,
                  fmt::format("broker {} is no longer in cluster '{}'", id, cluster.alias));
    address = known->second;
  }
  return wire::Broker::connect(address, cluster.client, wait);
}

Mirror::Mirror(FlowSettings flow, const StopToken& stop)
    : flow_(std::move(flow)),
      stop_(stop),
      instance_(make_instance_id()),
      started_at_ms_(wall_clock_ms()),
      copier_(flow_.buffer_bytes),
      rate_(flow_.max_bytes_per_second) {}

Mirror::~Mirror() {
  stop_workers();
}

Result<std::unique_ptr<Mirror>> Mirror::open(FlowSettings flow, const StopToken& stop) {
  std::unique_ptr<Mirror> mirror(new Mirror(std::move(flow), stop));
  KFERRY_CHECK(mirror->connect());
  KFERRY_CHECK(mirror->agree_on_flow_record());
  mirror->topics_ = std::make_unique<TopicKeeper>(
      mirror->flow_,
      TopicClusters{*mirror->source_, *mirror->target_, *mirror->source_admin_, *mirror->admin_},
      *mirror->state_, mirror->troubles_);
  mirror->plans_ = std::make_unique<PlanKeeper>(*mirror->state_);
  KFERRY_CHECK(mirror->start_preparer());
  mirror->companions_ = std::make_unique<Companions>(CompanionTools{
      mirror->flow_, mirror->copier_, *mirror->state_, mirror->troubles_, *mirror,
      [&self = *mirror](const TopicPartition& source) { return self.is_ours(source); }});
  mirror->cutover_ = std::make_unique<CutoverWatch>(*mirror->state_, mirror->copier_,
                                                    *mirror->companions_, *mirror);
  KFERRY_CHECK(mirror->cutover_->begin());
  KFERRY_CHECK(mirror->companions_->start(Wait(Deadline::after(kConnectTimeout), stop)));
  if (!mirror->member_) KFERRY_CHECK(mirror->join_group());
  return mirror;
}

Result<> Mirror::start_preparer() {
  const Wait wait(Deadline::after(kConnectTimeout), stop_);
  KFERRY_TRY(auto source,
             wire::Cluster::connect(flow_.source.addresses, flow_.source.client, wait));
  KFERRY_TRY(auto target,
             wire::Cluster::connect(flow_.target.addresses, flow_.target.client, wait));
  const auto delete_records = [this](const std::map<TopicPartition, Offset>& before,
                                     const Wait& until) {
    std::map<TopicPartition, Result<>> results;
    auto deleted = preparer_admin_->delete_records(before, until);
    for (const auto& [partition, offset] : before) {
      if (!deleted) {
        results.emplace(partition, std::unexpected(deleted.error()));
        continue;
      }
      const auto found = deleted->find(partition);
      const bool done = found != deleted->end() && found->second;
      results.emplace(partition, done ? Result<>()
                                 : found == deleted->end()
                                     ? Result<>(fail(ErrorKind::kFailed, "no answer"))
                                     : Result<>(std::unexpected(found->second.error())));
    }
    return results;
  };
  PreparerTools tools{
      copier_,           *state_,
      *plans_,           troubles_,
      std::move(source), std::move(target),
      delete_records,    [this](const TopicPartition& partition) { return state_->of(partition); },
      record_,           flow_.offsets};
  if (way_back_)
    tools.way_back = [this](const TopicPartition& partition, SourceOffset log_start,
                            TargetOffset log_end) {
      return way_back_->of(partition, log_start, log_end);
    };
  preparer_.worker = std::make_unique<Preparer>(std::move(tools));
  preparer_.thread = std::jthread([this] { preparer_.worker->run(preparer_.stop); });
  return {};
}

Result<> Mirror::join_group() {
  kafkaio::GroupMember::Callbacks callbacks;
  callbacks.on_assigned = [this](const auto& slots) { on_assigned(slots); };
  callbacks.on_revoked = [this](const auto& slots, bool) { on_revoked(slots); };
  KFERRY_TRY(auto member,
             kafkaio::GroupMember::join(
                 flow_.target.properties,
                 {.group = GroupId(state_->topic().value()), .topic = state_->topic()}, callbacks));
  member_ = std::make_unique<kafkaio::GroupMember>(std::move(member));
  return {};
}

void Mirror::on_assigned(const kafkaio::GroupMember::Slots& slots) {
  log::info("taking over slots", {{"count", fmt::format("{}", slots.size())}});
  {
    const std::lock_guard lock(slots_mutex_);
    slots_.insert(slots.begin(), slots.end());
  }
  slots_are_new_ = true;
  refresh_wanted_ = true;
  if (companions_) companions_->reconsider();
}

// Their batches that are still in flight may arrive: the next owner's sequence numbers are those
// that follow on what the target has, so that nothing can be doubled.
void Mirror::on_revoked(const kafkaio::GroupMember::Slots& slots) {
  log::info("giving up slots", {{"count", fmt::format("{}", slots.size())}});
  {
    const std::lock_guard lock(slots_mutex_);
    for (const Partition slot : slots) slots_.erase(slot);
  }
  std::vector<TopicPartition> leaving;
  copier_.visit_all([&](const PartitionCopy& copy) {
    if (!slots_.contains(StateTopic::slot_of(copy.source()))) leaving.push_back(copy.source());
  });
  for (const TopicPartition& source : leaving) copier_.remove(source);
  if (companions_) companions_->reconsider();
}

Result<Ending> Mirror::run(const std::function<void()>& tick) {
  while (!stop_.stop_requested()) {
    if (const auto polled = member_->poll(kTick); !polled)
      troubles_.set("work sharing", polled.error().message);
    else if (!slots_.empty())
      troubles_.clear("work sharing");
    refresh_when_due();
    watch_cutover();
    tick();
    if (cutover_->is_stopped()) {
      log::info("the cut-over is over: nothing is left to be copied");
      return end(Ending::kStopped);
    }
    if (const auto ending = reached_goals()) return end(*ending);
  }
  return end(Ending::kStopped);
}

void Mirror::refresh_when_due() {
  const bool due = next_refresh_.expired() || refresh_wanted_;
  if (!due || !earliest_refresh_.expired() || slots_.empty()) return;
  refresh_wanted_ = false;
  const auto refreshed = refresh();
  if (refreshed)
    troubles_.clear("refresh");
  else if (!stop_.stop_requested())
    troubles_.set("refresh", refreshed.error().message);
  next_refresh_ = Deadline::after(flow_.refresh_interval);
  earliest_refresh_ = Deadline::after(kLeastBetweenRefreshes);
}

void Mirror::watch_cutover() {
  if (!cutover_->is_due() || slots_.empty()) return;
  const auto watched = cutover_->tick(slots_, Wait(Deadline::after(kWatchTimeout), stop_));
  if (watched)
    troubles_.clear("flow state");
  else if (!stop_.stop_requested())
    troubles_.set("flow state", watched.error().message);
}

Ending Mirror::end(Ending ending) {
  stop_workers();
  FlowStatus last = status();
  {
    const std::lock_guard lock(status_mutex_);
    last_status_ = std::move(last);
  }
  if (const auto told = cutover_->farewell(slots_, Wait::uninterruptible(kLeaveTimeout)); !told)
    log::warn(told.error().message);
  if (const auto left = member_->leave(Wait::uninterruptible(kLeaveTimeout)); !left)
    log::warn(left.error().message);
  return ending;
}

Result<> Mirror::refresh() {
  const Wait wait(Deadline::after(kRefreshTimeout), stop_);
  if (slots_are_new_) {
    KFERRY_TRY(const auto changes, state_->catch_up(wait));
    companions_->learn(changes);
    slots_are_new_ = false;
  }
  KFERRY_TRY(const auto source, source_->fetch_metadata(std::nullopt, wait));
  KFERRY_TRY(auto target, target_->fetch_metadata(std::nullopt, wait));
  if (flow_.until_caught_up && !goals_) KFERRY_CHECK(set_goals(source));
  if (leads()) {
    KFERRY_TRY(const bool created, topics_->keep(source, target, wait));
    if (created) {
      refresh_wanted_ = true;
      KFERRY_TRY(target, target_->fetch_metadata(std::nullopt, wait));
    }
  }
  source_brokers_.learn(source.brokers);
  target_brokers_.learn(target.brokers);
  place_partitions(source, target);
  ready_ = true;
  return {};
}

void Mirror::place_partitions(const wire::ClusterMetadata& source,
                              const wire::ClusterMetadata& target) {
  std::set<BrokerId> source_leaders;
  std::set<BrokerId> target_leaders;
  for (const TopicName& topic : select_topics(flow_, source)) {
    const auto on_target = target.topics.find(target_topic(flow_, topic));
    if (on_target == target.topics.end()) continue;
    place(topic, source.topics.at(topic), on_target->second);
  }
  miss_partitions(source);
  for (const auto& [topic, info] : source.topics)
    for (const auto& [partition, leader] : info.partitions) source_leaders.insert(leader.leader);
  for (const auto& [topic, info] : target.topics)
    for (const auto& [partition, leader] : info.partitions) target_leaders.insert(leader.leader);
  hire(source_leaders, target_leaders);
}

// A broker that is asked for a deleted topic may call it moved as well as deleted.
void Mirror::miss_partitions(const wire::ClusterMetadata& source) {
  std::vector<TopicPartition> missed;
  copier_.visit_all([&](const PartitionCopy& copy) {
    const auto topic = source.topics.find(copy.source().topic);
    const bool known =
        topic != source.topics.end() && topic->second.partitions.contains(copy.source().partition);
    if (!known && copy.phase() == Phase::kCopying) missed.push_back(copy.source());
  });
  for (const TopicPartition& partition : missed)
    copier_.visit(partition, [](PartitionCopy& copy) { copy.doubt_source(std::nullopt); });
}

void Mirror::place(const TopicName& topic, const wire::TopicInfo& source,
                   const wire::TopicInfo& target) {
  const TopicName on_target = target_topic(flow_, topic);
  for (const auto& [partition, leader] : source.partitions) {
    const TopicPartition from{topic, partition};
    if (!slots_.contains(StateTopic::slot_of(from))) continue;
    const auto to = target.partitions.find(partition);
    if (to == target.partitions.end()) continue;
    copier_.add(from, source.topic_id, {on_target, partition}, flow_.offsets);
    copier_.set_leaders(from, leader.leader, to->second.leader);
    copier_.visit(from, [&](PartitionCopy& copy) {
      if (copy.phase() == Phase::kWaiting) copy.reposition({});
      // The fetch finds that out too, but not from brokers before 3.1.
      if (copy.topic_id() != source.topic_id && copy.phase() == Phase::kCopying)
        copy.doubt_source(std::nullopt);
    });
  }
}

// A reader or writer for each broker that leads anything.
void Mirror::hire(const std::set<BrokerId>& source_leaders,
                  const std::set<BrokerId>& target_leaders) {
  const Surroundings around{copier_,
                            *plans_,
                            rate_,
                            troubles_,
                            stop_,
                            [this] { refresh_wanted_ = true; },
                            way_back_ ? way_back_->producers() : std::vector<int64_t>{}};
  for (const BrokerId id : source_leaders) {
    if (id.value() < 0 || readers_.contains(id)) continue;
    auto& reader = readers_[id];
    reader.worker = std::make_unique<SourceReader>(
        id, around, [=, this](const Wait& wait) -> Result<std::unique_ptr<RecordSource>> {
          KFERRY_TRY(wire::Broker broker, source_brokers_.connect(id, flow_.source, wait));
          return std::make_unique<WireSource>(std::move(broker));
        });
    reader.thread = std::jthread([&reader] { reader.worker->run(reader.stop); });
  }
  for (const BrokerId id : target_leaders) {
    if (id.value() < 0 || writers_.contains(id)) continue;
    auto& writer = writers_[id];
    writer.worker = std::make_unique<TargetWriter>(
        id, around, [=, this](const Wait& wait) -> Result<std::unique_ptr<RecordSink>> {
          KFERRY_TRY(wire::Broker broker, target_brokers_.connect(id, flow_.target, wait));
          return std::make_unique<WireSink>(
              std::move(broker),
              MarkerIdentity{record_.filler_id, record_.filler_epoch, coordinator_epoch()},
              std::make_unique<EmptyTransactions>(flow_.name, flow_.target.addresses,
                                                  flow_.target.client));
        });
    writer.thread = std::jthread([&writer] { writer.worker->run(writer.stop); });
  }
}

// What stands in the source now, high watermarks included.
Result<> Mirror::set_goals(const wire::ClusterMetadata& source) {
  std::vector<TopicPartition> wanted;
  for (const TopicName& topic : select_topics(flow_, source))
    for (const auto& [partition, leader] : source.topics.at(topic).partitions)
      wanted.push_back({topic, partition});
  const Wait wait(Deadline::after(kRefreshTimeout), stop_);
  KFERRY_TRY(const auto ranges, wire::fetch_log_ranges(*source_, source, wanted, wait));
  std::map<TopicPartition, SourceOffset> goals;
  for (const auto& [partition, range] : ranges) {
    if (range.error_code != wire::kNone)
      return std::unexpected(wire::kafka_error(
          range.error_code, fmt::format("asking where {} ends on the source", partition)));
    goals.emplace(partition, SourceOffset(range.end.value()));
  }
  goals_ = std::move(goals);
  return {};
}

std::optional<Ending> Mirror::partitions_reached_goals() const {
  if (!goals_ || !ready_) return std::nullopt;
  size_t reached = 0;
  size_t given_up = 0;
  size_t ours = 0;
  std::map<TopicPartition, std::pair<Phase, SourceOffset>> now;
  copier_.visit_all([&](const PartitionCopy& copy) {
    const SourceOffset at = copy.started() ? copy.confirmed().source : SourceOffset(-1);
    now[copy.source()] = {copy.phase(), at};
  });
  for (const auto& [partition, goal] : *goals_) {
    if (!slots_.contains(StateTopic::slot_of(partition))) continue;
    ++ours;
    const auto found = now.find(partition);
    if (found == now.end()) continue;
    if (found->second.second >= goal)
      ++reached;
    else if (found->second.first == Phase::kQuarantined)
      ++given_up;
  }
  if (reached + given_up < ours) return std::nullopt;
  return given_up > 0 ? Ending::kIncomplete : Ending::kCaughtUp;
}

// The groups' offsets too, as they were read after the last record had been copied.
std::optional<Ending> Mirror::reached_goals() {
  const auto partitions = partitions_reached_goals();
  if (!partitions) return std::nullopt;
  if (leads() && *partitions == Ending::kCaughtUp && !topics_->all_finished()) {
    refresh_wanted_ = true;  // the topics get their real configs
    return std::nullopt;
  }
  if (!rounds_when_reached_) rounds_when_reached_ = companions_->group_rounds();
  if (!companions_->groups_caught_up_since(*rounds_when_reached_)) return std::nullopt;
  return companions_->all_groups_synced() ? *partitions : Ending::kIncomplete;
}

bool Mirror::is_ours(const TopicPartition& source) const {
  const std::lock_guard lock(slots_mutex_);
  return slots_.contains(StateTopic::slot_of(source));
}

// Readers first: nothing new comes. Then the writers take the answers that are due.
void Mirror::stop_workers() {
  for (auto& [id, reader] : readers_) reader.stop.request_stop();
  readers_.clear();
  for (auto& [id, writer] : writers_) writer.stop.request_stop();
  writers_.clear();
  // Offsets and offset syncs of what was confirmed last.
  if (companions_) companions_->stop();
  preparer_.stop.request_stop();
  if (preparer_.thread.joinable()) preparer_.thread.join();
}

}  // namespace kferry::replicate
