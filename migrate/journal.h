// The journal of a migration: which plan is being applied, which groups are about to be written,
// which are done. Append-only, on disk before and after each commit, so that a run that was killed
// at any point can be finished and any run can be rolled back.
//
// A journal folder holds one folder per run, `run-<UTC time>-<first 8 digits of the plan id>`, with
// `plan.json` (the whole plan, prior Kafka offsets included) and `journal.jsonl`:
//   {"record":"start","schema":"kferry/journal/v1","plan":ID,"at":TIME,...}
//   {"record":"intent","group":G}        before anything of G is written
//   {"record":"done","group":G,...}      after G's offsets were read back (or nothing was written
//   after all)
//   {"record":"finish","exit_code":N}    the run ended by itself with every group done
//   {"record":"rollback","at":TIME}      the run was rolled back
#pragma once

#include <condition_variable>
#include <istream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/named.h"
#include "base/result.h"
#include "migrate/plan.h"

namespace kferry::migrate {

// How one group ended, as far as a later `--resume` needs it for its report.
struct GroupDone {
  GroupId group;
  std::optional<int64_t> expires_at_ms;
  std::string detail;  // the group's, as in the report
  // Every partition of the group, in plan order.
  struct PartitionDone {
    TopicPartition partition;
    verify::Outcome outcome = verify::Outcome::kFailed;
    std::optional<Offset> kafka_offset;
    std::string detail;
  };
  std::vector<PartitionDone> partitions;
};

// What a journal says of its run.
struct JournalState {
  std::string run_folder;
  std::string plan_id;
  std::set<GroupId> intended;
  std::map<GroupId, GroupDone> done;
  bool finished = false;
  bool rolled_back = false;
  bool torn = false;  // the last line was cut off; it is ignored
};

// Thread-safe: `append…` returns once the record is on disk; several threads share one fsync.
class Journal {
 public:
  // Makes the folder of a new run, with the plan in it. kFailed with path and reason (disk full,
  // read-only).
  static Result<Journal> create(const std::string& journal_folder, Plan& plan);
  // Opens the run of `state` to go on with it; a torn last line is cut off first.
  static Result<Journal> reopen(const JournalState& state);

  Journal(Journal&&) noexcept;
  Journal& operator=(Journal&&) = delete;
  ~Journal();

  const std::string& run_folder() const { return run_folder_; }

  Result<> append_intent(const GroupId& group);
  Result<> append_done(const GroupDone& done);
  Result<> append_finish(int exit_code);
  Result<> append_rollback();

 private:
  Journal(std::string run_folder, int fd) : run_folder_(std::move(run_folder)), fd_(fd) {}
  Result<> append(const std::string& line);

  std::string run_folder_;
  int fd_ = -1;
  std::mutex mutex_;
  std::condition_variable synced_;
  int64_t written_ = 0;  // lines written
  int64_t on_disk_ = 0;  // lines that an fsync has covered
  bool syncing_ = false;
  std::string error_;  // the first failure; nothing can be appended after it
};

// What the lines of a journal say, all but its run_folder. kUsage: a line that is none of ours; it
// is named by `path` and its number.
Result<JournalState> read_journal(std::istream& lines, const std::string& path);

// The newest run in a journal folder, or the run itself when `folder` is a run's folder; nullopt
// when there is none. kUsage: no such folder, or a journal that cannot be read (with the line).
Result<std::optional<JournalState>> read_latest_run(const std::string& folder);
// The plan of a run. As parse_plan().
Result<Plan> read_plan_of(const JournalState& state);

}  // namespace kferry::migrate
