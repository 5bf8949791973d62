#include "replicate/group_sync.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "base/test_hook.h"
#include "replicate/group_rules.h"

namespace kferry::replicate {
namespace {

using groupproto::OpenTransactions;

constexpr const char* kAbout = "group offsets";
constexpr const char* kAboutListing = "groups of the source";
constexpr const char* kAboutRights = "rights on the source";
// One step of a round; what does not answer by then is asked again in the next one.
constexpr Duration kStepTimeout{10'000};
constexpr Duration kLongestPause{5'000};

GroupRules rules_of(const GroupSyncTools& tools) {
  GroupRules rules;
  rules.is_mirrored = [&flow = tools.flow](const TopicName& topic) {
    return flow.topics.selects(topic.value()) && !is_internal_topic(topic);
  };
  rules.topic_prefix = tools.flow.topic_prefix;
  if (tools.mirroring) rules.mirroring = tools.mirroring;
  rules.commit = tools.flow.sync_group_offsets;
  rules.retry_after_ms = tools.flow.refresh_interval.count();
  rules.collect_checkpoints = tools.flow.emit_checkpoints;
  return rules;
}

}  // namespace

GroupSync::GroupSync(GroupSyncTools tools)
    : tools_(std::move(tools)),
      source_(tools_.flow.source),
      target_(tools_.flow.target),
      book_(tools_.translator, rules_of(tools_)) {}

void GroupSync::learn(const std::string& key, const std::optional<std::string>& value) {
  if (!key.starts_with("group")) return;
  const std::lock_guard lock(mutex_);
  lessons_.emplace_back(key, value);
}

void GroupSync::run(const StopToken& stop) {
  const Duration interval = tools_.flow.group_interval;
  Duration pause = interval;
  while (!stop.stop_requested()) {
    const auto began = std::chrono::steady_clock::now();
    const auto done = round(Wait(Deadline::after(Duration(60'000)), stop));
    if (stop.stop_requested()) return;
    publish(done.has_value());
    if (done) {
      tools_.troubles.clear(kAbout);
      pause = interval;
    } else {
      tools_.troubles.set(kAbout, done.error().message);
      pause = std::clamp(pause * 2, interval, std::max(interval, kLongestPause));
    }
    const auto took =
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began);
    stop.sleep_for(std::max(pause - took, interval / 5));
  }
}

Result<> GroupSync::round(const Wait& wait) {
  take_lessons();
  running_ = true;
  if (tools_.refusals) {
    KFERRY_TRY(GroupRefusals refusals, tools_.refusals());
    book_.set_refusals(std::move(refusals));
  }
  const bool all = reconsider_.exchange(false) || !refreshed_ || next_refresh_.expired();
  const auto listed = all ? refresh(wait) : Result<>();
  // One broker that is away hides its groups; those that are known go on.
  if (!listed && !refreshed_) return listed;
  KFERRY_CHECK(read_source(wait));
  KFERRY_CHECK(bring(book_.due(wall_clock_ms(), all), wait));
  if (all && listed) {
    find_gone(wait.at_most(kStepTimeout));
    refreshed_ = true;
    next_refresh_ = Deadline::after(tools_.flow.refresh_interval);
  }
  return listed;
}

void GroupSync::take_lessons() {
  std::vector<std::pair<std::string, std::optional<std::string>>> lessons;
  {
    const std::lock_guard lock(mutex_);
    lessons.swap(lessons_);
  }
  for (const auto& [key, value] : lessons)
    if (const auto learned = book_.learn(key, value, running_); !learned)
      log::warn("a record of the flow's state is passed over",
                {{"error", learned.error().message}});
}

// Which groups there are.
Result<> GroupSync::refresh(const Wait& wait) {
  KFERRY_TRY(const bool must_name, source_.must_name_partitions(wait.at_most(kStepTimeout)));
  std::vector<TopicPartition> named;
  if (must_name) {
    KFERRY_TRY(const auto metadata, source_.all_topics(wait.at_most(kStepTimeout)));
    for (const auto& [topic, info] : metadata.topics)
      if (tools_.flow.topics.selects(topic.value()) && !is_internal_topic(topic))
        for (const auto& [partition, leader] : info.partitions) named.push_back({topic, partition});
  }
  named_ = std::move(named);
  KFERRY_TRY(selected_, source_.select(tools_.flow.groups, named_, wait.at_most(kStepTimeout)));
  if (source_.unseen().empty())
    tools_.troubles.clear(kAboutListing);
  else
    tools_.troubles.set(kAboutListing, source_.unseen());
  return {};
}

Result<> GroupSync::read_source(const Wait& wait) {
  const int64_t asked_at_ms = wall_clock_ms();
  // Offsets that a transaction is about to commit count once it has: nothing waits for it.
  KFERRY_TRY(auto read, source_.offsets({selected_.begin(), selected_.end()}, named_,
                                        OpenTransactions::kOverlook, wait.at_most(kStepTimeout)));
  for (const GroupId& group : selected_)
    read.try_emplace(group, fail(ErrorKind::kUnreachable, "its coordinator has left it out"));
  tell_denied(read);
  book_.take_source(read, asked_at_ms);
  return {};
}

// Groups that stay behind until somebody grants a right.
void GroupSync::tell_denied(const groupproto::OffsetsByGroup& read) {
  int64_t count = 0;
  const Error* first = nullptr;
  for (const auto& [group, offsets] : read) {
    if (offsets || offsets.error().kind != ErrorKind::kNotAuthorised) continue;
    if (count++ == 0) first = &offsets.error();
  }
  if (first == nullptr) return tools_.troubles.clear(kAboutRights);
  const std::string others = count == 1 ? "" : fmt::format(" (and {} more groups)", count - 1);
  tools_.troubles.set(kAboutRights, fmt::format("{}{}; {}", first->message, others, first->hint));
}

Result<> GroupSync::bring(const std::vector<GroupId>& groups, const Wait& wait) {
  if (groups.empty()) return {};
  KFERRY_CHECK(look_at(groups, wait));
  const auto commits = book_.plan(groups, wall_clock_ms());
  KFERRY_CHECK(remember(wait));
  if (commits.empty()) return {};
  test_hook("group_sync.before_commit");
  commit(commits, wait);
  test_hook("group_sync.after_commit");
  return remember(wait);
}

Result<> GroupSync::look_at(const std::vector<GroupId>& groups, const Wait& wait) {
  KFERRY_TRY(const auto looked, target_.look(groups, {}, wait.at_most(kStepTimeout)));
  const int64_t now_ms = wall_clock_ms();
  for (const auto& [group, read] : looked) book_.take_target(group, read, now_ms);
  return {};
}

Result<> GroupSync::remember(const Wait& wait) {
  const auto entries = book_.take_memories(wall_clock_ms());
  if (entries.empty()) return {};
  auto kept = tools_.state.put(entries, wait);
  if (!kept) book_.put_back_memories(entries);
  return kept;
}

void GroupSync::commit(const std::vector<GroupCommit>& commits, const Wait& wait) {
  const auto results = target_.commit(commits, wait.at_most(kStepTimeout));
  std::vector<GroupId> groups;
  for (const auto& [group, result] : results) {
    book_.take_result(group, result, wall_clock_ms());
    groups.push_back(group);
  }
  auto read = target_.offsets(groups, {}, OpenTransactions::kRespect, wait.at_most(kStepTimeout));
  const int64_t now_ms = wall_clock_ms();
  for (const GroupId& group : groups) {
    if (!read) {
      book_.take_target(group, {std::nullopt, std::unexpected(read.error())}, now_ms);
      continue;
    }
    const auto its = read->find(group);
    if (its != read->end()) book_.take_target(group, {std::nullopt, its->second}, now_ms);
  }
}

// Offsets of topics that are gone from the source are not waited for: it must lack them twice, for
// a broker that has just started does not know all that there is.
void GroupSync::find_gone(const Wait& wait) {
  const auto untold = book_.untold();
  std::set<TopicPartition> missing;
  if (!untold.empty()) {
    std::set<TopicName> topics;
    for (const TopicPartition& one : untold) topics.insert(one.topic);
    const auto existing = source_.existing(topics, wait);
    if (!existing) return;
    std::ranges::set_difference(untold, *existing, std::inserter(missing, missing.end()));
  }
  std::set<TopicPartition> gone;
  std::ranges::set_intersection(missing, missing_, std::inserter(gone, gone.end()));
  book_.set_gone(std::move(gone));
  missing_ = std::move(missing);
}

void GroupSync::publish(bool complete) {
  auto status = book_.status();
  const bool caught_up = complete && book_.caught_up();
  auto checkpoints = book_.take_checkpoints();
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
  caught_up_ = caught_up;
  if (complete) ++rounds_;
  for (GroupCheckpoint& one : checkpoints) {
    auto key = std::pair(one.group, one.target);
    checkpoints_.insert_or_assign(std::move(key), std::move(one));
  }
}

std::vector<GroupStatus> GroupSync::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

bool GroupSync::caught_up() const {
  const std::lock_guard lock(mutex_);
  return caught_up_;
}

int64_t GroupSync::rounds() const {
  const std::lock_guard lock(mutex_);
  return rounds_;
}

std::vector<GroupCheckpoint> GroupSync::take_checkpoints() {
  const std::lock_guard lock(mutex_);
  std::vector<GroupCheckpoint> taken;
  for (auto& [key, one] : checkpoints_) taken.push_back(std::move(one));
  checkpoints_.clear();
  return taken;
}

}  // namespace kferry::replicate
