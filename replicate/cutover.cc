#include "replicate/cutover.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "base/log.h"
#include "base/test_hook.h"

namespace kferry::replicate {
namespace {

constexpr Duration kOpenTimeout{60'000};
constexpr Duration kLookTimeout{30'000};
// Mirror and cut-over may be started at the same moment.
constexpr Duration kMirrorStarts{15'000};
// A runner that was not seen for so long is gone.
constexpr int64_t kRunnerGoneMs = 10'000;
constexpr int64_t kSaveEveryMs = 3'000;

std::string make_runner_id() {
  std::random_device random;
  return fmt::format("{:08x}", random());
}

Result<std::unique_ptr<CutoverObserver>> open_observer(const FlowSettings& flow,
                                                       const StopToken& stop,
                                                       Duration patience = Duration(0)) {
  return CutoverObserver::open(flow, patience, Wait(Deadline::after(kOpenTimeout), stop));
}

Result<std::optional<CutoverRecord>> read_record(const StateTopic& state) {
  const auto value = state.get(kCutoverKey);
  if (!value) return std::nullopt;
  KFERRY_TRY(CutoverRecord record, parse_cutover(*value));
  return record;
}

CutoverState after(CutoverState state) {
  return kCutoverStates.at(static_cast<size_t>(state) + 1);
}

}  // namespace

std::optional<std::set<GroupId>> selected_groups(const CutoverOptions& options,
                                                 const CutoverFacts& facts) {
  if (!options.some_only()) return std::nullopt;
  std::set<GroupId> selected = options.groups;
  for (const auto& [group, unused] : facts.groups)
    for (const std::regex& pattern : options.group_patterns)
      if (std::regex_match(group.value(), pattern)) selected.insert(group);
  return selected;
}

Cutover::Cutover(CutoverOptions options, CutoverTools tools, const StopToken& stop)
    : options_(std::move(options)),
      tools_(std::move(tools)),
      stop_(stop),
      runner_(make_runner_id()),
      quiet_(options_.quiet) {}

Result<std::unique_ptr<Cutover>> Cutover::open(const FlowSettings& flow, CutoverOptions options,
                                               CutoverTools tools, const StopToken& stop) {
  std::unique_ptr<Cutover> cutover(new Cutover(std::move(options), std::move(tools), stop));
  KFERRY_TRY(cutover->observer_, open_observer(flow, stop, kMirrorStarts));
  KFERRY_CHECK(cutover->lead());
  return cutover;
}

// Two at once would tell operators different things.
Result<> Cutover::lead() {
  const Wait wait(Deadline::after(kOpenTimeout), stop_);
  KFERRY_TRY(const auto known, read_record(observer_->state()));
  if (known) {
    record_ = *known;
    const int64_t age_ms = wall_clock_ms() - record_.runner_at_ms;
    if (!record_.runner.empty() && age_ms < kRunnerGoneMs && !options_.take_over)
      return fail(ErrorKind::kRefused,
                  fmt::format("another process leads this cut-over (runner {}, seen {} s ago)",
                              record_.runner, age_ms / 1000),
                  "look at it with `kferry cutover show`; if it is gone, wait 10 s, or give "
                  "--take-over");
  } else {
    record_.history.emplace_back(CutoverState::kMirroring, wall_clock_ms());
  }
  record_.runner = runner_;
  return save(true, wait);
}

Result<> Cutover::save(bool for_mirror, const Wait& wait) {
  if (for_mirror) ++record_.version;
  record_.runner_at_ms = saved_at_ms_ = wall_clock_ms();
  return observer_->state().put({{kCutoverKey, to_json(record_)}}, wait);
}

Result<> Cutover::run() {
  Result<> ending;
  while (record_.state != CutoverState::kStopped) {
    const Wait wait(Deadline::after(kLookTimeout), stop_);
    Result<std::string> waiting = std::string();
    if (const auto looked = look(wait))
      waiting = step(wait);
    else if (looked.error().kind == ErrorKind::kUnreachable)
      waiting = looked.error().message;  // it comes back, or the operator ends this
    else
      waiting = std::unexpected(looked.error());
    if (!waiting && waiting.error().kind != ErrorKind::kUnreachable) {
      ending = std::unexpected(waiting.error());
      break;
    }
    record_.waiting = waiting ? *waiting : waiting.error().message;
    if (record_.state == CutoverState::kStopped) record_.waiting.clear();
    if (tools_.tick) tools_.tick(record_, record_.waiting);
    if (record_.waiting.empty() && options_.some_only()) break;  // these are at home
    if (differs_) break;
    if (wall_clock_ms() - saved_at_ms_ > kSaveEveryMs)
      (void)save(false, wait);  // the next one comes soon
    if (!stop_.sleep_for(kInterval)) {
      ending =
          stop_.check(fmt::format("leading the cut-over in state {}", to_string(record_.state)));
      break;
    }
  }
  // Whoever goes on need not wait.
  record_.runner.clear();
  const auto saved = save(false, Wait::uninterruptible(kLookTimeout));
  return ending ? saved : ending;
}

Result<> Cutover::look(const Wait& wait) {
  KFERRY_TRY(facts_, observer_->observe(wait));
  // What another process of ours wrote is not expected: it is the operator's, an abort.
  KFERRY_TRY(const auto now, read_record(observer_->state()));
  if (!now || (!now->runner.empty() && now->runner != runner_))
    return fail(ErrorKind::kRefused, "another process has taken this cut-over over");
  raise(alarms_of(facts_));
  if (record_.state > CutoverState::kCaughtUp) return {};
  // Before the release too: who had members is waited for, and a pause begins when they are gone.
  const size_t lived = record_.lived.size();
  moves_now_ = moves_.take(facts_, selected_groups(options_, facts_), record_.lived);
  return record_.lived.size() == lived ? Result<>() : save(false, wait);
}

void Cutover::raise(const std::vector<Alarm>& alarms) {
  for (const Alarm& alarm : alarms) {
    const bool is_new = alarms_.insert_or_assign(alarm.about, alarm.words).second;
    if (is_new) tools_.tell({CutoverEvent::Kind::kAlarm, record_.state, {}, alarm.words});
  }
}

// What the next state waits for; empty: nothing, for now.
Result<std::string> Cutover::step(const Wait& wait) {
  const auto reach_or_wait = [&](std::string why, CutoverState state) -> Result<std::string> {
    if (!why.empty()) return why;
    KFERRY_CHECK(reach(state, wait));
    return std::string("the next step");
  };
  switch (record_.state) {
    case CutoverState::kMirroring:
      return reach_or_wait(catch_up_.take(facts_), CutoverState::kCaughtUp);
    case CutoverState::kCaughtUp:
      return move_consumers(wait);
    case CutoverState::kConsumersMoved:
      return move_producers(wait);
    case CutoverState::kProducersMoved:
      raise(quiet_.grown_since_settled(facts_));
      return reach_or_wait(not_drained(facts_), CutoverState::kDrained);
    case CutoverState::kDrained:
      raise(quiet_.grown_since_settled(facts_));
      return prove(wait);
    case CutoverState::kProved:
      raise(quiet_.grown_since_settled(facts_));
      return finish("ends the mirror for good", wait);
    case CutoverState::kStopped:
      break;
  }
  return std::string();
}

// `what` the release does, for the operator.
Result<bool> Cutover::released(const char* what, const Wait& wait) {
  if (options_.automatic) return true;
  if (const auto value = observer_->state().get(kReleaseKey)) {
    KFERRY_TRY(const CutoverRelease release, parse_release(*value));
    KFERRY_CHECK(observer_->state().put({{kReleaseKey, std::nullopt}}, wait));
    if (release.state == record_.state) {
      asked_.reset();
      return true;
    }
  }
  if (asked_ != record_.state)
    tools_.tell({CutoverEvent::Kind::kRelease,
                 record_.state,
                 {},
                 fmt::format("`kferry cutover release` {}", what)});
  asked_ = record_.state;
  return false;
}

Result<> Cutover::reach(CutoverState state, const Wait& wait) {
  test_hook(fmt::format("cutover.before.{}", to_string(state)));
  record_.state = state;
  record_.released = false;
  record_.waiting.clear();
  record_.history.emplace_back(state, wall_clock_ms());
  if (state >= CutoverState::kProducersMoved && record_.history.size() > 1) quiet_.settle(facts_);
  asked_.reset();
  KFERRY_CHECK(save(true, wait));
  test_hook(fmt::format("cutover.after.{}", to_string(state)));
  tools_.tell({CutoverEvent::Kind::kState, state, {}, {}});
  return {};
}

Result<std::string> Cutover::move_consumers(const Wait& wait) {
  if (!record_.released && !options_.some_only()) {
    const std::string behind = catch_up_.take(facts_);
    KFERRY_TRY(const bool go, released("begins with moving the consumers", wait));
    if (!go) return std::string("your release to move the consumers");
    if (!behind.empty() && options_.automatic) return behind;
    record_.released = true;
    KFERRY_CHECK(save(true, wait));
  }
  if (auto trouble = trouble_with_copy(facts_); !trouble.empty()) return trouble;
  if (options_.some_only() && moves_now_.empty())
    return std::string("a group on the source whose name matches");
  KFERRY_CHECK(take_moves(moves_now_, wait));
  KFERRY_CHECK(check_pauses(moves_now_));
  std::vector<std::string> waiting;
  for (const auto& [id, move] : moves_now_)
    if (!move.waiting.empty())
      waiting.push_back(fmt::format("group '{}': {}", id, move.waiting));
    else if (move.stage == GroupMove::Stage::kReady || !announced_.contains(id))
      waiting.push_back(fmt::format("group '{}': the mirror has to see that it was moved", id));
  if (!waiting.empty()) return some_of(waiting);
  if (options_.some_only()) return std::string();
  KFERRY_CHECK(reach(CutoverState::kConsumersMoved, wait));
  return std::string("the next step");
}

Result<> Cutover::take_moves(const std::map<GroupId, GroupMove>& moves, const Wait& wait) {
  std::vector<StateStore::Entry> entries;
  for (const auto& [id, move] : moves) {
    const auto known = facts_.moved.find(id);
    const bool ready = move.stage == GroupMove::Stage::kReady;
    const bool alive = move.stage == GroupMove::Stage::kAlive && known != facts_.moved.end() &&
                       known->second.alive_at_ms < 0;
    if (ready || alive) entries.push_back({moved_key(id), to_json(move.moved)});
    if (alive) {
      const auto pause = move.moved.pause_ms();
      tools_.tell({CutoverEvent::Kind::kGroupAlive, record_.state, id.value(),
                   pause ? fmt::format("at work on the target, {:.1f} s without consumers",
                                       static_cast<double>(*pause) / 1000)
                         : "at work on the target"});
    }
    // Once it has been seen, nobody brings offsets of the source any more.
    const bool moved =
        move.stage == GroupMove::Stage::kMoved || move.stage == GroupMove::Stage::kAlive;
    if (moved && all_have_seen() && announced_.insert(id).second)
      tools_.tell({CutoverEvent::Kind::kGroupMoved, record_.state, id.value(),
                   "its last offsets are on the target: start its consumers there"});
  }
  if (entries.empty()) return {};
  test_hook("cutover.before_moved");
  KFERRY_CHECK(observer_->state().put(entries, wait));
  KFERRY_CHECK(save(true, wait));
  test_hook("cutover.after_moved");
  return {};
}

Result<> Cutover::check_pauses(const std::map<GroupId, GroupMove>& moves) const {
  if (!options_.max_pause) return {};
  for (const auto& [id, move] : moves) {
    if (move.stage != GroupMove::Stage::kMoved || move.moved.empty_at_ms < 0) continue;
    const int64_t pause_ms = facts_.at_ms - move.moved.empty_at_ms;
    if (pause_ms > options_.max_pause->count())
      return fail(ErrorKind::kRefused,
                  fmt::format("group '{}' is without consumers for {} s, longer than --max-pause",
                              id, pause_ms / 1000),
                  "start its consumers on the target and run `kferry cutover` again, or take "
                  "everything back with `kferry cutover abort`");
  }
  return {};
}

Result<std::string> Cutover::move_producers(const Wait& wait) {
  if (!record_.released) {
    KFERRY_TRY(const bool go, released("lets producers write to the target", wait));
    if (!go) return std::string("your release to move the producers");
    record_.released = true;
    KFERRY_CHECK(save(true, wait));
    return std::string("the mirror has to see that producers may move");
  }
  if (!producers_announced_ && !all_have_seen())
    return std::string("the mirror has to see that producers may move");
  if (!std::exchange(producers_announced_, true))
    tools_.tell({CutoverEvent::Kind::kRelease,
                 record_.state,
                 {},
                 "producers may move to the target now; once all have, `kferry cutover release`"});
  const std::string noisy = quiet_.take(facts_);
  if (!options_.automatic && asked_ != record_.state) asked_ = record_.state;  // was said above
  if (producers_moved_at_ms_ < 0) {
    KFERRY_TRY(const bool done, released("says that all producers have moved", wait));
    if (done) producers_moved_at_ms_ = facts_.at_ms;
  }
  const bool done = producers_moved_at_ms_ >= 0;
  if (!noisy.empty()) {
    if (done && !options_.automatic &&
        facts_.at_ms - producers_moved_at_ms_ > 2 * options_.quiet.count())
      raise({{"producers", "producers that were said to have moved still write: " + noisy}});
    return noisy;
  }
  if (!done) return std::string("your word that all producers have moved");
  KFERRY_CHECK(reach(CutoverState::kProducersMoved, wait));
  return std::string("the next step");
}

Result<std::string> Cutover::prove(const Wait& wait) {
  if (auto why = not_drained(facts_); !why.empty()) return why;
  if (!tools_.prove) {
    record_.proof = "not compared";
    return finish("ends the mirror for good, without a comparison of both sides", wait);
  }
  if (!proof_.valid()) {
    test_hook("cutover.before_proof");
    proof_ = std::async(std::launch::async, [this] { return tools_.prove(stop_); });
  }
  if (proof_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    return std::string("source and target are being compared");
  KFERRY_TRY(const CutoverTools::Proof proof, proof_.get());
  record_.proof = proof.words;
  differs_ = !proof.equal;
  if (differs_) return std::string("source and target differ: " + proof.words);
  KFERRY_CHECK(reach(CutoverState::kProved, wait));
  return std::string("the next step");
}

Result<std::string> Cutover::finish(const char* what, const Wait& wait) {
  if (auto why = not_drained(facts_); !why.empty()) return why;
  KFERRY_TRY(const bool go, released(what, wait));
  if (!go) return std::string("your release to end the mirror");
  KFERRY_CHECK(reach(CutoverState::kStopped, wait));
  return std::string();
}

CutoverReport Cutover::report() const {
  std::vector<std::string> alarms;
  for (const auto& [about, words] : alarms_) alarms.push_back(words);
  return {record_, facts_.moved, std::move(alarms), differs_,
          record_.state == CutoverState::kStopped};
}

Result<CutoverState> release_cutover(const FlowSettings& flow, const StopToken& stop) {
  KFERRY_TRY(const auto observer, open_observer(flow, stop));
  KFERRY_TRY(const auto record, read_record(observer->state()));
  if (!record || record->runner.empty())
    return fail(ErrorKind::kRefused, "no cut-over of this flow is being led",
                "start one: kferry cutover");
  const CutoverRelease release{record->state, wall_clock_ms()};
  KFERRY_CHECK(observer->state().put({{kReleaseKey, to_json(release)}},
                                     Wait(Deadline::after(kOpenTimeout), stop)));
  return after(record->state);
}

Result<std::optional<CutoverReport>> show_cutover(const FlowSettings& flow, const StopToken& stop) {
  KFERRY_TRY(const auto observer, open_observer(flow, stop));
  KFERRY_TRY(const auto record, read_record(observer->state()));
  if (!record) return std::nullopt;
  const Wait wait(Deadline::after(kLookTimeout), stop);
  KFERRY_TRY(const CutoverFacts facts, observer->observe(wait));
  std::vector<std::string> alarms;
  for (const Alarm& alarm : alarms_of(facts)) alarms.push_back(alarm.words);
  return CutoverReport{*record, facts.moved, std::move(alarms), false,
                       record->state == CutoverState::kStopped};
}

}  // namespace kferry::replicate
