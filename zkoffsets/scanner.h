// Reads consumer groups out of ZooKeeper, with pipelined requests.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/interrupt.h"
#include "base/result.h"
#include "zkoffsets/snapshot.h"
#include "zkoffsets/zk_client.h"

namespace kferry::zkoffsets {

// Takes a snapshot. sync() goes first, since a follower can be stale. A node that vanishes while we
// read is left out; one that we may not read becomes a problem of its group.
// Errors: kUnreachable (connection or session lost), kUsage (neither /consumers nor /brokers
// exists: the chroot is wrong; or an external entry is), kNotAuthorised (/consumers may not be
// listed and no groups are named), kInterrupted. With external entries the missing of both is none:
// Storm has a ZooKeeper of its own. `on_progress(n)` is told how many znodes more were read.
Result<Snapshot> scan(ZkClient& client, const ScanRequest& request, const StopToken& stop,
                      const std::function<void(int64_t)>& on_progress = {});

// Replaces each custom entry without a group by one for each group that its path is found for.
// Errors: as scan(); kNotAuthorised when the groups may not be listed.
Result<std::vector<ExternalLayout>> expand_external(ZkClient& client,
                                                    const std::vector<ExternalLayout>& external,
                                                    const StopToken& stop);

// After a sync(), reads the versions of `paths` again: the quiescence samples. A vanished node is
// absent in the result.
Result<std::map<std::string, NodeVersion>> read_versions(ZkClient& client,
                                                         const std::vector<std::string>& paths,
                                                         const StopToken& stop);

}  // namespace kferry::zkoffsets
