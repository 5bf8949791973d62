// Gathers the facts: reads the old offsets, the broker's view of them, and Kafka. Reads only.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/interrupt.h"
#include "kafkaio/admin.h"
#include "migrate/facts.h"
#include "migrate/offset_source.h"

namespace kferry::migrate {

// What the configuration says of one group.
struct GroupSettings {
  std::optional<std::string> team;
  std::optional<zkoffsets::Convention> convention;
  std::optional<zkoffsets::Layout> layout;  // overrides the detected one
  std::set<TopicName> topics = {};          // only these; empty: all
};

struct GatherRequest {
  zkoffsets::ScanRequest scan;
  std::map<GroupId, GroupSettings> settings;
  std::set<TopicName> topics;  // only these, over the groups' settings; empty: theirs
  // Through brokers only: it is an error when one of these has no offset at all.
  std::set<GroupId> must_exist;
  // Read each offset of ZooKeeper a second time through OffsetFetch version 0.
  bool broker_read = true;
  // The znodes' versions, or through brokers the offsets, are sampled at the start and then
  // `quiet_samples - 1` times more, spread over `quiet_period`. 0 samples: no evidence of
  // quiescence is wanted (scan).
  Duration quiet_period{10'000};
  int quiet_samples = 3;

  // The topics that count for a group; empty: all.
  std::set<TopicName> topics_of(const GroupId& group) const;
};

// The connections that one verb works with.
struct Endpoints {
  OffsetSource& source;
  wire::Cluster& cluster;
  std::string bootstrap_servers;
  kafkaio::Admin* admin = nullptr;  // asked for offsets.retention.minutes; may be absent
};

// Errors: those of OffsetSource::read(), and kUnreachable / kNotAuthorised for the cluster as a
// whole. What fails for one group stands in its GroupFacts. `phase(name, total)` begins a phase,
// `advance(n)` counts in it.
struct GatherProgress {
  std::function<void(const std::string& name, int64_t total)> phase = [](const std::string&,
                                                                         int64_t) {};
  std::function<void(int64_t)> advance = [](int64_t) {};
};
Result<Facts> gather(const Endpoints& endpoints, const GatherRequest& request, const Wait& wait,
                     const GatherProgress& progress = {});

}  // namespace kferry::migrate
