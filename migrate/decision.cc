#include "migrate/decision.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "migrate/receipt.h"
#include "wire/error_code.h"

namespace kferry::migrate {
namespace {

template <class Map>
auto* find(const Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

void append(std::string& detail, std::string_view more) {
  if (!detail.empty()) detail += "; ";
  detail += more;
}

// Every znode number that is used becomes an offset here: INT64_MAX has no next offset, and no log
// gets that far.
std::optional<Offset> usable(ZookeeperOffset offset, zkoffsets::Convention convention) {
  if (offset.value() < 0 || offset.value() == std::numeric_limits<int64_t>::max())
    return std::nullopt;
  return zkoffsets::to_kafka_offset(offset, convention);
}

// One partition on its way through the rules; the steps are called in order until one of them has
// settled it.
class Decision {
 public:
  Decision(const GroupContext& context, const TopicPartition& partition);

  PlannedPartition of_node(const zkoffsets::OffsetNode& node);
  PlannedPartition without_node();
  PlannedPartition of_kafka07();
  PlannedPartition of_denied();

 private:
  void settle(Verdict verdict, Action action, std::string_view detail = {});
  void commit(Verdict verdict, Offset target);
  // Each returns true when the partition is settled.
  bool unparsable(const zkoffsets::OffsetNode& node);
  bool conflicting(const zkoffsets::OffsetNode& node);
  bool resolve_conflict(const zkoffsets::OffsetNode& node, const std::string& difference);
  bool missing();
  bool kafka_unknown();
  void against_kafka();
  bool moved_earlier(Verdict verdict);
  std::string why_by_policy() const;
  void by_conflict_policy(Verdict verdict, const std::string& why);
  void within_log();
  void out_of_range(Verdict verdict, Offset edge);

  const GroupContext& context_;
  const std::optional<Offset> kafka_;
  const wire::LogRange* const log_;
  const Receipt* const receipt_;
  Offset wanted_;                   // what ZooKeeper says, as an offset of Kafka
  bool receipt_is_of_now_ = false;  // kferry migrated what stands there now
  bool conflict_ = false;           // two reads differed; a policy chose `wanted_`
  PlannedPartition plan_;
};

std::optional<Offset> kafka_offset(const GroupContext& context, const TopicPartition& partition) {
  if (context.kafka == nullptr) return std::nullopt;
  const auto* const committed = find(*context.kafka, partition);
  return committed == nullptr ? std::nullopt : std::optional(committed->offset);
}

Decision::Decision(const GroupContext& context, const TopicPartition& partition)
    : context_(context),
      kafka_(kafka_offset(context, partition)),
      log_(find(context.facts->log_ranges, partition)),
      receipt_(find(context.group->receipts, partition)) {
  plan_.partition = partition;
  plan_.kafka_before = kafka_;
  if (kafka_) plan_.kafka_metadata_before = context.kafka->at(partition).metadata;
  if (log_ != nullptr && log_->error_code == wire::kNone) {
    plan_.log_start = log_->start;
    plan_.log_end = log_->end;
  }
}

void Decision::settle(Verdict verdict, Action action, std::string_view detail) {
  plan_.verdict = verdict;
  plan_.action = action;
  if (!detail.empty()) append(plan_.detail, detail);
}

PlannedPartition Decision::of_node(const zkoffsets::OffsetNode& node) {
  plan_.path = node.path;
  plan_.zookeeper_offset = node.parsed.offset;
  plan_.node = node.node;
  receipt_is_of_now_ = receipt_ != nullptr &&
                       is_about(*receipt_, node.node, node.parsed.offset, context_.convention);
  if (unparsable(node) || conflicting(node) || missing() || kafka_unknown())
    return std::move(plan_);
  against_kafka();
  return std::move(plan_);
}

bool Decision::unparsable(const zkoffsets::OffsetNode& node) {
  if (!node.parsed.offset) {
    settle(Verdict::kUnparsable, Action::kRefuse,
           fmt::format("the znode holds no offset: {}",
                       node.parsed.detail.empty() ? "it is empty" : node.parsed.detail));
    return true;
  }
  const std::optional<Offset> offset = usable(*node.parsed.offset, context_.convention);
  if (!offset)
    settle(Verdict::kUnparsable, Action::kRefuse,
           fmt::format("{} is too large for an offset", *node.parsed.offset));
  wanted_ = offset.value_or(Offset());
  return !offset;
}

bool Decision::conflicting(const zkoffsets::OffsetNode& node) {
  std::string difference;
  if (context_.broker_read != nullptr) {
    const auto* const read = find(*context_.broker_read, plan_.partition);
    if (read != nullptr && read->offset.value() != node.parsed.offset->value())
      append(difference, fmt::format("a broker reads {}", read->offset));
    // A broker answers "unknown" for whatever it does not know: of a missing topic that says
    // nothing about ZooKeeper.
    const auto* const topic = find(context_.facts->topics, plan_.partition.topic);
    const bool exists = topic != nullptr && topic->partitions.contains(plan_.partition.partition);
    if (read == nullptr && exists) append(difference, "a broker reads none");
  }
  if (node.misplaced && node.misplaced->offset != node.parsed.offset)
    append(difference, node.misplaced->offset
                           ? fmt::format("/consumers/{}/offset (written by brokers 1.1.0) has {}",
                                         context_.group->zookeeper.group, *node.misplaced->offset)
                           : fmt::format("/consumers/{}/offset (written by brokers 1.1.0) holds no "
                                         "offset: {}",
                                         context_.group->zookeeper.group, node.misplaced->detail));
  if (difference.empty()) return false;
  conflict_ = true;
  return resolve_conflict(node,
                          fmt::format("the znode has {}, {}", *node.parsed.offset, difference));
}

bool Decision::resolve_conflict(const zkoffsets::OffsetNode& node, const std::string& difference) {
  const ConflictPolicy policy = context_.policies->on_conflict;
  append(plan_.detail, difference);
  if (policy == ConflictPolicy::kFail) {
    settle(Verdict::kConflict, Action::kRefuse, "choose with --on-conflict");
    return true;
  }
  if (policy == ConflictPolicy::kKafka) {
    settle(Verdict::kConflict, kafka_ ? Action::kKeep : Action::kRefuse,
           kafka_ ? "Kafka's offset stays (--on-conflict kafka)"
                  : "Kafka has no offset to stay (--on-conflict kafka)");
    return true;
  }
  std::vector<Offset> candidates{wanted_};
  const auto add = [&](ZookeeperOffset offset) {
    if (const auto converted = usable(offset, context_.convention))
      candidates.push_back(*converted);
  };
  const auto* const read =
      context_.broker_read == nullptr ? nullptr : find(*context_.broker_read, plan_.partition);
  if (read != nullptr) add(ZookeeperOffset(read->offset.value()));
  if (node.misplaced && node.misplaced->offset) add(*node.misplaced->offset);
  if (policy == ConflictPolicy::kMin) wanted_ = std::ranges::min(candidates);
  if (policy == ConflictPolicy::kMax) wanted_ = std::ranges::max(candidates);
  append(plan_.detail, fmt::format("took {} (--on-conflict {})", wanted_, to_string(policy)));
  return false;
}

bool Decision::missing() {
  const auto* const topic = find(context_.facts->topics, plan_.partition.topic);
  const bool gone = topic_is_gone(*context_.facts, plan_.partition.topic);
  if (!gone && topic->error_code != wire::kNone && topic->partitions.empty()) {
    // It may well exist: not for --on-missing to decide.
    settle(
        Verdict::kMissingTopic, Action::kRefuse,
        fmt::format("Kafka does not show the topic: {}", wire::error_row(topic->error_code).name));
    return true;
  }
  if (!gone && topic->partitions.contains(plan_.partition.partition)) return false;
  const bool skip = context_.policies->on_missing == MissingPolicy::kSkip;
  settle(gone ? Verdict::kMissingTopic : Verdict::kMissingPartition,
         skip ? Action::kSkip : Action::kRefuse,
         gone ? std::string("Kafka has no such topic, or does not show it to us")
              : fmt::format("the topic has only {} partitions", topic->partitions.size()));
  if (!skip) append(plan_.detail, "--on-missing skip leaves it out");
  return true;
}

bool Decision::kafka_unknown() {
  if (context_.kafka != nullptr) return false;
  settle(Verdict::kConflict, Action::kRefuse, "Kafka's offset is not known");
  return true;
}

// What kferry did earlier counts first: it must neither be repeated over a group that has moved on,
// nor silently over one that somebody has set back.
void Decision::against_kafka() {
  const auto verdict_or_conflict = [&](Verdict verdict) {
    return conflict_ ? Verdict::kConflict : verdict;
  };
  if (!kafka_) {
    if (receipt_ != nullptr)
      append(plan_.detail, fmt::format("kferry committed {} earlier; Kafka has dropped it since",
                                       receipt_->offset));
    return commit(verdict_or_conflict(Verdict::kCreate), wanted_);
  }
  if (*kafka_ == wanted_) return settle(verdict_or_conflict(Verdict::kEqual), Action::kKeep);
  const Verdict verdict =
      verdict_or_conflict(*kafka_ > wanted_ ? Verdict::kKafkaAhead : Verdict::kAdvance);
  if (moved_earlier(verdict)) return;
  const std::string why = why_by_policy();
  if (why.empty()) return commit(verdict, wanted_);
  by_conflict_policy(verdict, why);
}

bool Decision::moved_earlier(Verdict verdict) {
  if (!receipt_is_of_now_ || *kafka_ < receipt_->offset) return false;
  if (*kafka_ > receipt_->offset) {
    settle(verdict, Action::kKeep, "migrated earlier by kferry; the group has moved on");
    return true;
  }
  // kferry itself made Kafka differ from ZooKeeper. Because of a clamp, that is as it should be;
  // because of another convention, this plan may be there to correct it.
  const bool clamped = plan_.log_start && wanted_ < *plan_.log_start;
  if (clamped) settle(verdict, Action::kKeep, "migrated earlier by kferry");
  return clamped;
}

// Why Kafka's offset must not simply be replaced; empty when it may be: advancing an offset that
// nobody but kferry has set since.
std::string Decision::why_by_policy() const {
  const bool ahead = *kafka_ > wanted_;
  if (receipt_ == nullptr)
    return ahead ? fmt::format("Kafka is ahead by {}", kafka_->value() - wanted_.value()) : "";
  const Offset moved_to = receipt_->offset;
  if (*kafka_ == moved_to) {
    if (!ahead) return "";
    return receipt_is_of_now_
               ? fmt::format("moved by kferry to {}, under another convention or policy", moved_to)
               : fmt::format("moved by kferry to {}, then set back in ZooKeeper", moved_to);
  }
  if (receipt_is_of_now_)
    return fmt::format("moved by kferry to {}, then rewound in Kafka", moved_to);
  return fmt::format("both sides have moved since kferry migrated it at {}", moved_to);
}

void Decision::by_conflict_policy(Verdict verdict, const std::string& why) {
  const ConflictPolicy policy = context_.policies->on_conflict;
  append(plan_.detail, why);
  if (policy == ConflictPolicy::kFail)
    return settle(verdict, Action::kRefuse, "choose with --on-conflict");
  const bool ahead = *kafka_ > wanted_;
  const bool keep = policy == ConflictPolicy::kKafka ||
                    (policy == ConflictPolicy::kMin && !ahead) ||
                    (policy == ConflictPolicy::kMax && ahead);
  if (!keep) return commit(verdict, wanted_);
  settle(verdict, Action::kKeep,
         fmt::format("Kafka's offset stays (--on-conflict {})", to_string(policy)));
}

void Decision::commit(Verdict verdict, Offset target) {
  // In a conflict of two reads, min and max choose among Kafka's offset too.
  if (conflict_ && kafka_ && target > *kafka_ &&
      context_.policies->on_conflict == ConflictPolicy::kMin)
    return settle(verdict, Action::kKeep, "Kafka's offset stays (--on-conflict min)");
  settle(verdict, Action::kCommit);
  plan_.target = target;
  within_log();
  if (!plan_.target) return;
  if (kafka_ && *plan_.target == *kafka_) {
    plan_.target.reset();
    plan_.action = Action::kKeep;
  } else if (kafka_ && *plan_.target < *kafka_) {
    append(plan_.detail,
           fmt::format("rewinds Kafka by {}", kafka_->value() - plan_.target->value()));
  }
}

void Decision::within_log() {
  if (!plan_.log_start || !plan_.log_end) {
    plan_.target.reset();
    const int16_t code = log_ == nullptr ? int16_t{wire::kNone} : log_->error_code;
    return settle(plan_.verdict, Action::kRefuse,
                  fmt::format("where the log starts and ends is not known{}{}: plan again",
                              code == wire::kNone ? "" : ": ",
                              code == wire::kNone ? "" : wire::error_row(code).name));
  }
  if (*plan_.target < *plan_.log_start) {
    out_of_range(Verdict::kBeforeLogStart, *plan_.log_start);
  } else if (*plan_.target > *plan_.log_end) {
    out_of_range(Verdict::kAfterLogEnd, *plan_.log_end);
  }
}

void Decision::out_of_range(Verdict verdict, Offset edge) {
  const Offset offset = *std::exchange(plan_.target, std::nullopt);
  const bool before = verdict == Verdict::kBeforeLogStart;
  const std::string lost =
      before ? fmt::format("offsets {} to {} are deleted and lost", offset, edge.value() - 1)
             : fmt::format("what is written at {} to {} will be read, perhaps again", edge,
                           offset.value() - 1);
  const std::string_view name = before ? "start" : "end";
  switch (context_.policies->on_range) {
    case RangePolicy::kFail:
      return settle(verdict, Action::kRefuse,
                    fmt::format("{} is {} the log's {} {}; --on-range clamp starts there: {}",
                                offset, before ? "before" : "after", name, edge, lost));
    case RangePolicy::kSkip:
      return settle(verdict, Action::kSkip,
                    fmt::format("{} is {} the log's {} {}: left out (--on-range skip)", offset,
                                before ? "before" : "after", name, edge));
    case RangePolicy::kClamp:
      settle(verdict, Action::kCommit,
             fmt::format("clamped from {} to the log's {} {}: {}", offset, name, edge, lost));
      plan_.target = edge;
  }
}

PlannedPartition Decision::without_node() {
  const auto* const read =
      context_.broker_read == nullptr ? nullptr : find(*context_.broker_read, plan_.partition);
  if (read != nullptr) {
    // Without a znode that we can see, drift could not be noticed: there is nothing to choose.
    const bool keep = context_.policies->on_conflict == ConflictPolicy::kKafka && kafka_;
    settle(Verdict::kConflict, keep ? Action::kKeep : Action::kRefuse,
           fmt::format("a broker reads {}, but we see no znode: check its ACL", read->offset));
    return std::move(plan_);
  }
  const bool has_data = plan_.log_start && plan_.log_end && *plan_.log_start < *plan_.log_end;
  const bool known_absent = context_.kafka != nullptr && !kafka_;
  settle(Verdict::kNoOffset, Action::kSkip,
         has_data && known_absent ? "a consumer starts here at auto.offset.reset" : "");
  return std::move(plan_);
}

PlannedPartition Decision::of_denied() {
  settle(Verdict::kDenied, Action::kRefuse,
         fmt::format("reading the znode is denied by its ACL; kferry is {}",
                     context_.facts->zookeeper_login));
  return std::move(plan_);
}

PlannedPartition Decision::of_kafka07() {
  settle(Verdict::kUnparsable, Action::kRefuse, "Kafka 0.7 node <brokerId>-<p>: not convertible");
  return std::move(plan_);
}

}  // namespace

const groupproto::GroupOffsets* usable_broker_read(const GroupFacts& group) {
  if (is_external(group.zookeeper.layout)) return nullptr;
  if (!group.broker_read || !*group.broker_read) return nullptr;
  return &**group.broker_read;
}

bool topic_is_gone(const Facts& facts, const TopicName& topic) {
  constexpr int16_t kInvalidTopic = 17;  // no topic can have this name
  const auto* const info = find(facts.topics, topic);
  return info == nullptr || info->error_code == wire::kUnknownTopicOrPartition ||
         info->error_code == kInvalidTopic;
}

PlannedPartition decide(const GroupContext& context, const zkoffsets::OffsetNode& node) {
  return Decision(context, {node.topic, node.partition}).of_node(node);
}

PlannedPartition decide_without_node(const GroupContext& context, const TopicPartition& partition) {
  return Decision(context, partition).without_node();
}

PlannedPartition refuse_denied(const GroupContext& context, const TopicPartition& partition) {
  return Decision(context, partition).of_denied();
}

PlannedPartition refuse_kafka07(const GroupContext& context, const TopicPartition& partition) {
  return Decision(context, partition).of_kafka07();
}

}  // namespace kferry::migrate
