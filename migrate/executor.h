// Applies a plan: for each group check for drift, join, heartbeat, commit, read back, leave; groups
// go in parallel. Everything that is written is journalled before and after.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/interrupt.h"
#include "groupproto/group_session.h"
#include "migrate/journal.h"
#include "migrate/offset_source.h"
#include "migrate/plan.h"
#include "wire/cluster.h"

namespace kferry::migrate {

enum class CommitMode {
  kMember,  // as the only member of the group
  kSimple,  // generation -1, for clients that assign() and for brokers without the group protocol
            // (0.8)
};

struct ExecutorConfig {
  std::vector<wire::Address> bootstrap;
  wire::ClientConfig client;
  groupproto::SessionConfig session;
  CommitMode commit_mode = CommitMode::kMember;
  std::optional<Duration>
      retain;        // pins the offsets for that long; nullopt: as the broker is configured
  int parallel = 8;  // groups at once, 1 to 64; each worker has connections of its own
  bool write_receipts = true;
};

// What one execution works on. The workers share `journal`, which is thread-safe.
struct Execution {
  const Plan& plan;
  Journal& journal;
  OffsetSource& source;
  // What an earlier, cut-off run of the same plan has done already; its groups are checked, not
  // written again.
  const JournalState* resumed = nullptr;
  // The plan was made by this very process just now: ZooKeeper's offsets need not be read again
  // before the groups' turn, only who is registered, where that can be seen. (They are read again
  // at the end in any case.)
  bool just_planned = false;
  std::function<void(int64_t)> on_group_done = [](int64_t) {};
};

// Applies every group of the plan that has something to commit. The report has each partition of
// the plan in it. A group that drifted or is alive is refused, the others go on. `report.error` is
// set when the run ended early (interrupted, ZooKeeper or the cluster gone, journal failed): what
// was begun is finished or undone cleanly, groups are left, and the rest is kNotAttempted.
verify::DiffReport execute(const Execution& execution, const ExecutorConfig& config,
                           const StopToken& stop);

}  // namespace kferry::migrate
