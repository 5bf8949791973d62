#include "replicate/cutover_abort.h"

#include <fmt/format.h>

#include "replicate/cutover_rules.h"
#include "wire/error_code.h"

namespace kferry::replicate {
namespace {

constexpr Duration kStepTimeout{60'000};
constexpr Duration kInterval{500};
constexpr int kLooksForForeign = 20;
constexpr int kLooksForProgress = 40;
constexpr int64_t kRunnerGoneMs = 10'000;

class Abort {
 public:
  Abort(const FlowSettings& flow, const std::function<void(const std::string&)>& tell,
        const StopToken& stop)
      : flow_(flow), tell_(tell), stop_(stop) {}

  Result<AbortReport> run() {
    KFERRY_TRY(observer_, CutoverObserver::open(flow_, Duration(0), wait()));
    KFERRY_CHECK(check_record());
    KFERRY_TRY(facts_, observer_->observe(wait()));
    if (record_.expects_other_writers()) KFERRY_CHECK(check_foreign());
    for (const auto& [id, moved] : CutoverFacts(facts_).moved) KFERRY_CHECK(bring_home(id));
    record_.state = CutoverState::kMirroring;
    record_.released = false;
    record_.lived.clear();
    record_.waiting.clear();
    record_.history = {{CutoverState::kMirroring, wall_clock_ms()}};
    ++record_.version;
    KFERRY_CHECK(observer_->state().put(
        {{kCutoverKey, to_json(record_)}, {kReleaseKey, std::nullopt}}, wait()));
    return report_;
  }

 private:
  Wait wait() const { return Wait(Deadline::after(kStepTimeout), stop_); }

  Result<> check_record() {
    const auto value = observer_->state().get(kCutoverKey);
    if (!value) return fail(ErrorKind::kRefused, "this flow has no cut-over");
    KFERRY_TRY(record_, parse_cutover(*value));
    if (record_.state == CutoverState::kStopped)
      return fail(ErrorKind::kRefused, "the cut-over is over: the mirror was stopped",
                  "consumers and producers have to be moved back by hand");
    if (!record_.runner.empty() && wall_clock_ms() - record_.runner_at_ms < kRunnerGoneMs)
      return fail(ErrorKind::kRefused,
                  fmt::format("process {} leads this cut-over now", record_.runner),
                  "end it first (Ctrl-C), then abort");
    return {};
  }

  // The mirror tells up to where it has written; what lies behind was written by others.
  Result<> check_foreign() {
    KFERRY_TRY(const auto ends, observer_->target_ends(facts_, wait()));
    std::vector<std::string> foreign;
    for (int look = 0; look < kLooksForForeign; ++look) {
      foreign.clear();
      for (const auto& [source, one] : facts_.partitions) {
        const auto end = ends.find(source);
        if (end != ends.end() && end->second > one.target_end)
          foreign.push_back(fmt::format("{}", source));
        else if (!one.identity && one.reason.starts_with("producers write to the target"))
          foreign.push_back(fmt::format("{}", source));
      }
      if (foreign.empty()) return {};
      if (!stop_.sleep_for(kInterval)) return stop_.check("aborting the cut-over");
      KFERRY_TRY(facts_, observer_->observe(wait()));
    }
    return fail(ErrorKind::kRefused,
                fmt::format("producers have written to the target, and the source does not have "
                            "these records: {}",
                            some_of(foreign)),
                "going back would lose them for the consumers; go on with `kferry cutover`");
  }

  Result<> bring_home(const GroupId& id) {
    std::string told;
    int looks = 0;
    while (true) {
      const GroupFacts& group = facts_.groups[id];
      std::string why = group.trouble;
      if (group.lives_on_target()) why = "stop its consumers on the target";
      if (group.lives_on_source()) why = "it has members on the source: stop them";
      if (why.empty()) {
        const FlowTranslator translator(observer_->state(), facts_, flow_.topic_prefix);
        const auto offsets = in_state(id, way_back(group, translator, flow_));
        if (offsets) return settle(id, *offsets);
        // The mirror tells where it is once a second: what was committed last may lie behind that.
        if (++looks == kLooksForProgress) return std::unexpected(offsets.error());
      } else if (why != told) {
        tell_(fmt::format("group '{}': {}", id, why));
        told = why;
      }
      if (!stop_.sleep_for(kInterval)) return stop_.check("aborting the cut-over");
      KFERRY_TRY(facts_, observer_->observe(wait()));
    }
  }

  Result<> settle(const GroupId& id, const std::map<TopicPartition, SourceOffset>& offsets) {
    KFERRY_CHECK(commit(id, offsets));
    KFERRY_CHECK(observer_->state().put({{moved_key(id), std::nullopt}}, wait()));
    tell_(fmt::format("group '{}': its offsets are on the source again; start its consumers there",
                      id));
    report_.groups[id] = offsets;
    return {};
  }

  template <class T>
  static Result<T> in_state(const GroupId& id, Result<T> result) {
    if (result) return result;
    return std::unexpected(in_context(result.error(), fmt::format("group '{}'", id)));
  }

  Result<> commit(const GroupId& id, const std::map<TopicPartition, SourceOffset>& offsets) {
    GroupCommit commit{id, {}};
    std::vector<TopicPartition> partitions;
    for (const auto& [partition, offset] : offsets) {
      commit.offsets.push_back({partition, Offset(offset.value()), ""});
      partitions.push_back(partition);
    }
    if (commit.offsets.empty()) return {};
    auto& source = observer_->source_groups();
    const auto results = source.commit({commit}, wait());
    KFERRY_TRY(const auto codes, results.at(id));
    for (const auto& [partition, code] : codes)
      if (code != wire::kNone)
        return std::unexpected(wire::kafka_error(
            code, fmt::format("committing {} of group '{}' to the source", partition, id)));
    KFERRY_TRY(const auto read,
               source.offsets({id}, partitions, groupproto::OpenTransactions::kRespect, wait()));
    KFERRY_TRY(const auto back, read.at(id));
    for (const auto& [partition, offset] : offsets) {
      const auto found = back.find(partition);
      if (found == back.end() || found->second.offset.value() != offset.value())
        return fail(ErrorKind::kFailed,
                    fmt::format("group '{}': {} reads back differently than it was committed", id,
                                partition));
    }
    return {};
  }

  const FlowSettings& flow_;
  const std::function<void(const std::string&)>& tell_;
  const StopToken& stop_;
  std::unique_ptr<CutoverObserver> observer_;
  CutoverRecord record_;
  CutoverFacts facts_;
  AbortReport report_;
};

}  // namespace

Result<std::map<TopicPartition, SourceOffset>> way_back(const GroupFacts& group,
                                                        const FlowTranslator& translator,
                                                        const FlowSettings& flow) {
  std::map<TopicPartition, SourceOffset> offsets;
  for (const auto& [target, committed] : group.target) {
    const std::string& name = target.topic.value();
    if (!name.starts_with(flow.topic_prefix)) continue;
    const TopicPartition source{TopicName(name.substr(flow.topic_prefix.size())), target.partition};
    if (!flow.topics.selects(source.topic.value()) || is_internal_topic(source.topic)) continue;
    const auto offset = translator.to_source(source, TargetOffset(committed.offset.value()));
    if (!offset)
      return fail(ErrorKind::kFailed,
                  fmt::format("offset {} of {} on the target cannot be told on the source yet",
                              committed.offset, target),
                  "try again in a few seconds; nothing was committed for this group");
    offsets[source] = *offset;
  }
  return offsets;
}

Result<AbortReport> abort_cutover(const FlowSettings& flow,
                                  const std::function<void(const std::string&)>& tell,
                                  const StopToken& stop) {
  return Abort(flow, tell, stop).run();
}

}  // namespace kferry::replicate
