// When a cut-over may go on, and what it waits for, in words. Pure: facts in, words out.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "replicate/cutover_facts.h"

namespace kferry::replicate {

// "a, b, c and 7 more".
std::string some_of(const std::vector<std::string>& words, size_t most = 3);

// Why the copy as a whole cannot be relied on now: partitions that are quarantined, or that no
// process of the mirror attends to. Empty: it can.
std::string trouble_with_copy(const CutoverFacts& facts);

// Something that the operator has to know of. It is told once for each `about`, though the words
// may change.
struct Alarm {
  std::string about;
  std::string words;
};

// caught_up, by definition: for 10 s on end the lag of all partitions together was no more than
// what producers write in 2 s, plus 100 records. So the copy is as fast as they are.
class CatchUp {
 public:
  static constexpr int64_t kWindowMs = 10'000;
  static constexpr int64_t kSecondsOfLag = 2;
  static constexpr int64_t kRecordsOfLag = 100;
  // The largest lag that counts as small while producers write that much.
  static int64_t small_lag(double published_per_second) {
    return static_cast<int64_t>(published_per_second * static_cast<double>(kSecondsOfLag)) +
           kRecordsOfLag;
  }

  // What it waits for; empty: it has caught up.
  std::string take(const CutoverFacts& facts);
  double publish_rate() const { return rate_; }  // records per second, of the last window

 private:
  struct Sample {
    int64_t at_ms;
    int64_t published;
  };
  std::deque<Sample> samples_;  // of the last window
  int64_t close_since_ms_ = -1;
  double rate_ = 0;
};

// Whether anything is still written to the source.
class SourceQuiet {
 public:
  explicit SourceQuiet(Duration quiet) : quiet_ms_(quiet.count()) {}

  // Which partitions have grown within the time that is called quiet; empty: none has.
  std::string take(const CutoverFacts& facts);
  // Those that have grown since the last call of settle(), each with its number of new records.
  void settle(const CutoverFacts& facts) { settled_ = facts.source_ends; }
  std::vector<Alarm> grown_since_settled(const CutoverFacts& facts) const;

 private:
  struct End {
    SourceOffset end;
    int64_t grown_at_ms;
  };
  const int64_t quiet_ms_;
  std::map<TopicPartition, End> ends_;
  std::map<TopicPartition, SourceOffset> settled_;
};

// Whether every record that the source has is on the target; else how many are not.
std::string not_drained(const CutoverFacts& facts);

// One group on its way.
struct GroupMove {
  enum class Stage {
    kWaits,  // see `waiting`
    kReady,  // its last offsets stand on the target: `moved` is to be made durable
    kMoved,  // and it is: its consumers may start on the target
    kAlive,  // they have started; `moved` is to be made durable when it is new
  };
  Stage stage = Stage::kWaits;
  std::string waiting;
  MovedGroup moved;
};

class GroupMoves {
 public:
  // Looks at these groups; nullopt: at all. `lived`: those that had members on the source; gets new
  // ones.
  std::map<GroupId, GroupMove> take(const CutoverFacts& facts,
                                    const std::optional<std::set<GroupId>>& scope,
                                    std::set<GroupId>& lived);

 private:
  struct Watched {
    int64_t empty_at_ms = -1;
    std::optional<groupproto::GroupOffsets> last;  // on the source, at the last look
  };
  GroupMove judge(const GroupFacts& group, Watched& watched, int64_t now_ms) const;
  GroupMove follow(const GroupFacts& group, const MovedGroup& moved, int64_t now_ms) const;

  std::map<GroupId, Watched> watched_;
};

// Groups with two homes: moved, and still at work on the source.
std::vector<Alarm> alarms_of(const CutoverFacts& facts);

}  // namespace kferry::replicate
