// Which keys of MirrorMaker 2's properties there are (Kafka 2.4 to 4.0: MirrorConnectorConfig,
// MirrorSourceConfig, MirrorCheckpointConfig, MirrorHeartbeatConfig, the filters, and what Kafka
// Connect reads), and what becomes of each. docs/mm2.md prints the same table.
#pragma once

#include <span>
#include <string_view>

namespace kferry::replicate {

enum class Mm2Treatment {
  kApplied,
  kNotNeeded,  // `text` says why
  kOnly,       // any value but `text` would change what is copied: an error
};

struct Mm2Key {
  std::string_view name;  // ends in ".*": every key that begins with it
  Mm2Treatment treatment;
  std::string_view text;
};

std::span<const Mm2Key> mm2_keys();
// nullptr: no such key.
const Mm2Key* find_mm2_key(std::string_view key);

// Settings that say who we are, and where: they apply to every client of a cluster
// (MirrorClientConfig).
bool is_mm2_connection_key(std::string_view key);
// Why a setting of a Java client ("fetch.max.bytes") has no effect.
std::string_view why_not_client_key(std::string_view key);

}  // namespace kferry::replicate
