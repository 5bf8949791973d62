// ZooKeeper connect strings, as in Kafka's zookeeper.connect. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace kferry::zkoffsets {

struct ZkServer {
  std::string host;  // a name or an address; IPv6 without brackets
  uint16_t port = 2181;
};

struct ConnectString {
  std::vector<ZkServer> servers;  // at least one
  std::string chroot;             // "" or "/a/b"
};

// The rules: check_connect_string() in zk_client.h.
Result<ConnectString> parse_connect_string(const std::string& connect);

}  // namespace kferry::zkoffsets
