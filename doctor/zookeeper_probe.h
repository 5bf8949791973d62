// Asks ZooKeeper what the doctor wants to know. Reads only.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/interrupt.h"
#include "doctor/facts.h"
#include "zkoffsets/zk_client.h"

namespace kferry::doctor {

struct ZooKeeperAnswer {
  ZooKeeperFacts facts;
  std::set<GroupId> groups;        // under /consumers
  std::vector<ClockFacts> clocks;  // of the brokers that are registered
};

// Every server by itself, those that the ensemble advertises to clients (/zookeeper/config, 3.5 and
// later) included; then the tree. Bounded by 10 s for each server, all at once, and 30 s for the
// rest.
ZooKeeperAnswer probe_zookeeper(const std::string& connect,
                                const std::optional<zkoffsets::ZkLogin>& login,
                                const StopToken& stop);

// The addresses for clients in the text of /zookeeper/config: "server.1=host:2888:3888:participant;
// 0.0.0.0:2181" says host:2181. Lines without one are left out.
std::vector<std::string> client_addresses(std::string_view config);

}  // namespace kferry::doctor
