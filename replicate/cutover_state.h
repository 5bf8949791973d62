// What a cut-over has got to, as records of the flow's state topic (docs/mirror-state.md): plain
// values and their JSON. So it can be resumed from another machine.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/named.h"
#include "base/result.h"

namespace kferry::replicate {

// What has been reached; while in one, the next is worked on once it was released.
enum class CutoverState {
  kMirroring,
  kCaughtUp,        // the copy follows the source closely
  kConsumersMoved,  // every group is at home on the target
  kProducersMoved,  // nothing is written to the source any more
  kDrained,         // all that the source has is on the target
  kProved,          // and it was compared
  kStopped,         // the mirror's processes have been told to end
};
inline constexpr std::array kCutoverStates{
    CutoverState::kMirroring,      CutoverState::kCaughtUp, CutoverState::kConsumersMoved,
    CutoverState::kProducersMoved, CutoverState::kDrained,  CutoverState::kProved,
    CutoverState::kStopped};
std::string_view to_string(CutoverState state);  // "mirroring", "caught_up", ...
std::optional<CutoverState> parse_cutover_state(std::string_view name);

// key "cutover".
struct CutoverRecord {
  int64_t version = 0;  // rises with every change that the mirror's processes have to see
  CutoverState state = CutoverState::kMirroring;
  bool released = false;         // the operator lets the work on the next state begin
  std::string waiting;           // what it waits for, in words; may be empty
  std::string runner;            // the process that leads
  int64_t runner_at_ms = 0;      // when it was last alive
  std::set<GroupId> lived = {};  // groups that had members on the source: they are waited for
  std::vector<std::pair<CutoverState, int64_t>> history = {};  // and when each was reached
  std::string proof = {};  // what the comparison found, in words; empty: none was made yet

  // From when on producers may write to the target directly.
  bool expects_other_writers() const {
    return state > CutoverState::kConsumersMoved ||
           (state == CutoverState::kConsumersMoved && released);
  }
};

// key "cutover-release": the operator's word to go on from `state`.
struct CutoverRelease {
  CutoverState state = CutoverState::kMirroring;
  int64_t at_ms = 0;
};

// key "group-moved/GROUP": its offsets are no longer brought from the source.
struct MovedGroup {
  // When it was first seen without members on the source; -1: it never had any.
  int64_t empty_at_ms = -1;
  int64_t moved_at_ms = -1;  // when its last offsets stood on the target
  int64_t alive_at_ms = -1;  // when it was first seen at work on the target; -1: not yet
  // Its last offsets on the source, and where they stand on the target; by the source's partition.
  std::map<TopicPartition, std::pair<SourceOffset, TargetOffset>> offsets = {};

  // How long it was without consumers, as far as can be told; nullopt: it still is, or had none.
  std::optional<int64_t> pause_ms() const {
    if (alive_at_ms < 0 || empty_at_ms < 0) return std::nullopt;
    return std::max<int64_t>(0, alive_at_ms - empty_at_ms);
  }
};

// What stands on the target of a flow's cut-over.
struct CutoverView {
  CutoverRecord record;
  std::map<GroupId, MovedGroup> moved = {};
};

inline constexpr const char* kCutoverKey = "cutover";
inline constexpr const char* kReleaseKey = "cutover-release";
inline constexpr std::string_view kMovedPrefix = "group-moved/";
std::string moved_key(const GroupId& group);

std::string to_json(const CutoverRecord& record);
std::string to_json(const CutoverRelease& release);
std::string to_json(const MovedGroup& moved);

// kFailed: not readable.
Result<CutoverRecord> parse_cutover(const std::string& value);
Result<CutoverRelease> parse_release(const std::string& value);
Result<MovedGroup> parse_moved(const std::string& value);
// From records by key, of which only those of the cut-over matter; nullopt: there is none.
Result<std::optional<CutoverView>> view_cutover(const std::map<std::string, std::string>& records);

}  // namespace kferry::replicate
