// Reads what lies in ZooKeeper through brokers, by OffsetFetch version 0. A broker answers that by
// reading one znode after the other: several connections, to several brokers where there are, keep
// it busy.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "groupproto/group_offsets.h"
#include "wire/cluster.h"

namespace kferry::migrate {

// Any broker will do; when one fails, the next is asked. To a broker that has just started a topic
// may be unknown, which would look like "no offset": such a one is not asked. Partitions that are
// not in `topics` are left out. What concerns one group stands in its result; the whole fails when
// no broker answers (kUnreachable, within twice the request timeout for a part of the work) or none
// has version 0 (kFailed with kUnsupportedVersion). `on_progress(n)`: so many offsets more were
// asked for; called by several threads, one at a time.
Result<groupproto::ZookeeperOffsetsByGroup> read_through_brokers(
    const wire::Cluster& cluster, const std::map<TopicName, wire::TopicInfo>& topics,
    const std::vector<groupproto::OffsetsQuery>& queries, const Wait& wait,
    const std::function<void(int64_t)>& on_progress = {});

}  // namespace kferry::migrate
