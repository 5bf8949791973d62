// Where a broker listens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace kferry::wire {

struct Address {
  std::string host;  // name or address, without brackets
  uint16_t port = 0;

  friend bool operator==(const Address&, const Address&) = default;
};

// "host:port", with brackets around an IPv6 address.
std::string to_string(const Address& address);

// "host:port, host:port" as in --bootstrap-server. kUsage when a part has no port or is empty.
Result<std::vector<Address>> parse_bootstrap_servers(const std::string& text);

}  // namespace kferry::wire
