#include "zkoffsets/scanner.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/test_hook.h"
#include "zkoffsets/consumer_tree.h"
#include "zkoffsets/external_tree.h"
#include "zkoffsets/reader.h"
#include "zkoffsets/text.h"

namespace kferry::zkoffsets {
namespace {

constexpr size_t kLongestListing = 200;

std::vector<GroupId> to_groups(const std::vector<std::string>& names) {
  std::vector<GroupId> groups;
  for (const std::string& name : names) groups.emplace_back(name);
  return groups;
}

// Sorted and each once.
std::vector<GroupId> ordered(std::vector<GroupId> groups) {
  std::ranges::sort(groups);
  const auto repeated = std::ranges::unique(groups);
  groups.erase(repeated.begin(), repeated.end());
  return groups;
}

Error wrong_chroot(const std::string& connect, const NodeChildren& root) {
  const std::string there =
      root.state == NodeState::kMissing ? "the chroot itself does not exist"
      : root.names.empty()
          ? "it holds nothing"
          : fmt::format("it holds {}",
                        printable(fmt::format("{}", fmt::join(root.names, ", ")), kLongestListing));
  return {
      ErrorKind::kUsage,
      fmt::format("ZooKeeper {}: neither /consumers nor /brokers is there; {}", connect, there),
      fmt::format("the chroot at the end of the connect string is wrong or missing; list the root "
                  "(zookeeper-shell.sh {} ls /) and give the folder that holds \"brokers\"",
                  connect.substr(0, connect.find('/'))),
      0};
}

// What is not about groups: cluster id, brokers, topics, and whether this is Kafka's ZooKeeper at
// all.
Result<> read_cluster(Reader& reader, const ScanRequest& request, Snapshot& snapshot) {
  bool brokers_exist = false;
  const std::vector<std::string> roots = {"/consumers", "/brokers"};
  KFERRY_CHECK(reader.exists(
      roots.size(), [&](size_t i) { return roots[i]; },
      [&](size_t i, const NodeData& node) {
        (i == 0 ? snapshot.consumers_exist : brokers_exist) = node.state != NodeState::kMissing;
      }));
  // Storm and Spark may well have a ZooKeeper of their own.
  if (!snapshot.consumers_exist && !brokers_exist && request.external.empty()) {
    KFERRY_TRY(const NodeChildren root, reader.children_of("/"));
    return std::unexpected(wrong_chroot(snapshot.zookeeper, root));
  }
  KFERRY_TRY(const NodeData cluster, reader.get_one("/cluster/id"));
  if (cluster.state == NodeState::kFound) snapshot.cluster_id = parse_cluster_id(cluster.data);
  KFERRY_TRY(const NodeChildren brokers, reader.children_of("/brokers/ids"));
  for (const std::string& name : brokers.names)
    if (const auto id = parse_node_number(name)) snapshot.broker_ids.push_back(*id);
  std::ranges::sort(snapshot.broker_ids);
  KFERRY_TRY(const NodeChildren topics, reader.children_of("/brokers/topics"));
  for (const std::string& name : topics.names) snapshot.topics.emplace(name);
  return {};
}

Result<std::vector<GroupId>> groups_to_read(Reader& reader, const ScanRequest& request,
                                            const Snapshot& snapshot) {
  if (request.groups) return ordered(*request.groups);
  KFERRY_TRY(const NodeChildren all, reader.children_of("/consumers"));
  if (all.state == NodeState::kDenied)
    return fail(
        ErrorKind::kNotAuthorised,
        fmt::format("ZooKeeper {}: listing /consumers is denied by its ACL", snapshot.zookeeper),
        "name the groups, or give a login that may: --zookeeper-auth-file FILE");
  return to_groups(all.names);
}

// A group that the configuration places elsewhere is not read from /consumers as well; if it is
// there too, somebody has to say which is right.
std::vector<GroupSnapshot> merge(std::vector<GroupSnapshot> tree,
                                 std::vector<GroupSnapshot> external) {
  for (GroupSnapshot& group : external) {
    const auto other = std::ranges::find(tree, group.group, &GroupSnapshot::group);
    if (other == tree.end()) continue;
    if (!other->offsets.empty())
      group.problems.push_back(
          fmt::format("/consumers/{} holds {} offsets too; they are left aside because the "
                      "configuration gives another path",
                      group.group, other->offsets.size()));
    // Whoever is registered there is still evidence of a live consumer.
    group.registrations = std::move(other->registrations);
    group.owners = std::move(other->owners);
    tree.erase(other);
  }
  std::ranges::move(external, std::back_inserter(tree));
  std::ranges::sort(tree, {}, &GroupSnapshot::group);
  return tree;
}

}  // namespace

Result<Snapshot> scan(ZkClient& client, const ScanRequest& request, const StopToken& stop,
                      const std::function<void(int64_t)>& on_progress) {
  KFERRY_CHECK(check_external(request.external));
  KFERRY_CHECK(client.sync(stop));
  Reader reader(client, stop, on_progress);
  Snapshot snapshot;
  snapshot.zookeeper = client.connect_string();
  snapshot.login = client.login_text();
  snapshot.taken_at_ms = wall_clock_ms();
  KFERRY_CHECK(read_cluster(reader, request, snapshot));
  KFERRY_TRY(const std::vector<GroupId> groups, groups_to_read(reader, request, snapshot));
  test_hook("scan.listed");
  KFERRY_TRY(std::vector<GroupSnapshot> tree, read_consumer_tree(reader, groups));
  KFERRY_TRY(std::vector<GroupSnapshot> external, read_external(reader, request.external));
  snapshot.groups = merge(std::move(tree), std::move(external));
  return snapshot;
}

Result<std::vector<ExternalLayout>> expand_external(ZkClient& client,
                                                    const std::vector<ExternalLayout>& external,
                                                    const StopToken& stop) {
  KFERRY_CHECK(check_external(external));
  Reader reader(client, stop, {});
  std::vector<ExternalLayout> expanded;
  for (const ExternalLayout& entry : external) {
    if (!entry.group.value().empty()) {
      expanded.push_back(entry);
      continue;
    }
    KFERRY_TRY(const std::vector<GroupId> groups, find_groups(reader, entry));
    for (const GroupId& group : groups) expanded.emplace_back(entry).group = group;
  }
  return expanded;
}

Result<std::map<std::string, NodeVersion>> read_versions(ZkClient& client,
                                                         const std::vector<std::string>& paths,
                                                         const StopToken& stop) {
  KFERRY_CHECK(client.sync(stop));  // a stale follower would show that nothing changes
  std::map<std::string, NodeVersion> versions;
  Reader reader(client, stop, {});
  KFERRY_CHECK(reader.exists(
      paths.size(), [&](size_t i) { return paths[i]; },
      [&](size_t i, const NodeData& node) {
        if (node.state == NodeState::kFound) versions.emplace(paths[i], node.version);
      }));
  return versions;
}

}  // namespace kferry::zkoffsets
