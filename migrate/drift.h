// Whether ZooKeeper is still as a plan saw it.
#pragma once

#include <string>
#include <vector>

#include "base/interrupt.h"
#include "migrate/plan.h"
#include "zkoffsets/zk_client.h"

namespace kferry::migrate {

using Groups = std::vector<const PlannedGroup*>;

// Reads the groups again, after a sync(): for each, in their order, why it is not as the plan saw
// it (a node changed or vanished, somebody is registered or owns a partition); empty: it is.
// Errors: those of zkoffsets::scan().
Result<std::vector<std::string>> find_drift(zkoffsets::ZkClient& client, const Groups& groups,
                                            const StopToken& stop);

// The same for a plan that was made just now: only who is registered is read again. Errors: those
// of ZkClient::children().
Result<std::vector<std::string>> find_consumers(zkoffsets::ZkClient& client, const Groups& groups,
                                                const StopToken& stop);

}  // namespace kferry::migrate
