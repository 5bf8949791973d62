// Leads an operator through the move: mirroring, caught_up, consumers_moved, producers_moved,
// drained, proved, stopped. What has been reached stands on the target, so that another process,
// on another machine, goes on after a crash.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "replicate/cutover_facts.h"
#include "replicate/cutover_rules.h"
#include "replicate/cutover_state.h"

namespace kferry::replicate {

struct CutoverOptions {
  bool automatic = false;             // no step waits for a release
  std::optional<Duration> max_pause;  // of a group without consumers; longer ends the run
  bool take_over = false;             // whoever leads it now is known to be gone
  Duration quiet{10'000};             // without a new record the source counts as left
  // Only these are moved, by name or by a pattern for the whole name, and nothing else happens;
  // none of both: all.
  std::set<GroupId> groups;
  std::vector<std::regex> group_patterns = {};

  bool some_only() const { return !groups.empty() || !group_patterns.empty(); }
};

// The groups that are to be moved, of those that the source has; nullopt: all.
std::optional<std::set<GroupId>> selected_groups(const CutoverOptions& options,
                                                 const CutoverFacts& facts);

// What happens, for the terminal and for hooks. `group` is empty where it is about the flow.
struct CutoverEvent {
  enum class Kind { kState, kRelease, kGroupMoved, kGroupAlive, kAlarm };
  Kind kind = Kind::kState;
  CutoverState state = CutoverState::kMirroring;
  std::string group;
  std::string words;
};

struct CutoverReport {
  CutoverRecord record;
  std::map<GroupId, MovedGroup> moved;
  std::vector<std::string> alarms;
  bool differs = false;  // source and target do: it ended before anything was stopped
  bool finished = false;
};

struct CutoverTools {
  std::function<void(const CutoverEvent&)> tell;
  // At every look, with what is waited for.
  std::function<void(const CutoverRecord&, const std::string& waiting)> tick;
  // Compares both clusters, in a thread of its own. Empty: nobody compares, and the flow goes from
  // drained to stopped.
  struct Proof {
    bool equal = false;
    std::string words;
  };
  std::function<Result<Proof>(const StopToken&)> prove;
};

// Not thread-safe.
class Cutover {
 public:
  static constexpr Duration kInterval{500};

  // kRefused: the flow was never mirrored, or another process leads its cut-over now.
  static Result<std::unique_ptr<Cutover>> open(const FlowSettings& flow, CutoverOptions options,
                                               CutoverTools tools, const StopToken& stop);

  // Until it is stopped, or, where only some groups are to be moved, until those are at home on the
  // target. Also ends, without an error, when source and target differ: see CutoverReport::differs.
  // kInterrupted; kRefused: a pause is longer than it may be.
  Result<> run();
  CutoverReport report() const;

 private:
  Cutover(CutoverOptions options, CutoverTools tools, const StopToken& stop);

  Result<> lead();
  Result<> look(const Wait& wait);
  Result<std::string> step(const Wait& wait);
  Result<std::string> move_consumers(const Wait& wait);
  Result<> take_moves(const std::map<GroupId, GroupMove>& moves, const Wait& wait);
  Result<> check_pauses(const std::map<GroupId, GroupMove>& moves) const;
  Result<std::string> move_producers(const Wait& wait);
  Result<std::string> prove(const Wait& wait);
  Result<std::string> finish(const char* what, const Wait& wait);
  Result<bool> released(const char* what, const Wait& wait);
  Result<> reach(CutoverState state, const Wait& wait);
  Result<> save(bool for_mirror, const Wait& wait);
  bool all_have_seen() const { return facts_.complete && facts_.seen >= record_.version; }
  void raise(const std::vector<Alarm>& alarms);

  const CutoverOptions options_;
  const CutoverTools tools_;
  const StopToken& stop_;
  const std::string runner_;
  std::unique_ptr<CutoverObserver> observer_;
  CutoverRecord record_;
  CutoverFacts facts_;
  CatchUp catch_up_;
  SourceQuiet quiet_;
  GroupMoves moves_;
  std::map<GroupId, GroupMove> moves_now_;  // as the last look has them
  std::set<GroupId> announced_;             // that their consumers may start on the target
  std::optional<CutoverState> asked_;       // for the release from this state
  bool producers_announced_ = false;
  int64_t producers_moved_at_ms_ = -1;         // by the operator's word
  std::map<std::string, std::string> alarms_;  // by Alarm::about
  bool differs_ = false;
  std::future<Result<CutoverTools::Proof>> proof_;
  int64_t saved_at_ms_ = 0;
};

// The operator's word to go on. kRefused: nothing waits for it.
Result<CutoverState> release_cutover(const FlowSettings& flow, const StopToken& stop);

// What stands on the target of a flow's cut-over; nullopt: there is none.
Result<std::optional<CutoverReport>> show_cutover(const FlowSettings& flow, const StopToken& stop);

}  // namespace kferry::replicate
