#include "zkoffsets/consumer_tree.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "zkoffsets/group_layout.h"
#include "zkoffsets/text.h"

namespace kferry::zkoffsets {
namespace {

constexpr size_t kLongestShown = 60;

// The folders of a group. `offset` is where brokers 1.1.0 wrote (KAFKA-6917).
enum class Folder { kIds, kOwners, kOffsets, kMisplaced };
constexpr std::array kFolders = {Folder::kIds, Folder::kOwners, Folder::kOffsets,
                                 Folder::kMisplaced};

std::string_view name_of(Folder folder) {
  switch (folder) {
    case Folder::kIds:
      return "ids";
    case Folder::kOwners:
      return "owners";
    case Folder::kOffsets:
      return "offsets";
    case Folder::kMisplaced:
      return "offset";
  }
  std::unreachable();
}

// How a partition's node is named: "<p>", or "<brokerId>-<p>" in Kafka 0.7.
struct PartitionName {
  Partition partition;
  bool kafka07 = false;
};

std::optional<PartitionName> parse_partition_name(std::string_view name) {
  if (const auto number = parse_node_number(name)) return PartitionName{Partition(*number)};
  const std::vector<std::string_view> parts = split(name, '-');
  if (parts.size() != 2 || !parse_node_number(parts[0])) return std::nullopt;
  const auto number = parse_node_number(parts[1]);
  if (!number) return std::nullopt;
  return PartitionName{Partition(*number), true};
}

bool comes_before(const OffsetNode& a, const OffsetNode& b) {
  return std::tie(a.topic, a.partition) < std::tie(b.topic, b.partition);
}

// Level by level, and each level for all groups at once: the number of round trips does not depend
// on the number of groups.
class TreeReader {
 public:
  TreeReader(Reader& reader, const std::vector<GroupId>& groups)
      : reader_(reader), names_(groups) {}

  Result<std::vector<GroupSnapshot>> read() {
    KFERRY_CHECK(read_groups());
    KFERRY_CHECK(read_folders());
    KFERRY_CHECK(read_registrations());
    KFERRY_CHECK(read_topics());
    KFERRY_CHECK(read_owners());
    KFERRY_CHECK(read_offsets());
    KFERRY_CHECK(read_misplaced());
    return finish();
  }

 private:
  struct Group {
    GroupSnapshot snapshot;
    GroupTraces traces;
    std::set<TopicName> kafka07_topics;
    std::set<TopicPartition> unread;  // denied: another place's value must not stand in for it
  };
  struct Topic {
    size_t group;
    Folder folder;
    std::string name;
  };
  struct Leaf {
    size_t topic;  // in topics_
    Partition partition;
    std::string node;  // its name
  };
  struct Id {
    size_t group;
    std::string name;
  };

  std::string path_of(size_t group) const {
    return fmt::format("/consumers/{}", groups_[group].snapshot.group);
  }
  std::string path_of(size_t group, Folder folder) const {
    return fmt::format("{}/{}", path_of(group), name_of(folder));
  }
  std::string path_of(const Topic& topic) const {
    return fmt::format("{}/{}", path_of(topic.group, topic.folder), topic.name);
  }
  std::string path_of(const Leaf& leaf) const {
    return fmt::format("{}/{}", path_of(topics_[leaf.topic]), leaf.node);
  }
  TopicPartition topic_partition_of(const Leaf& leaf) const {
    return {TopicName(topics_[leaf.topic].name), leaf.partition};
  }
  void denied(size_t group, const std::string& path) {
    problem(group, fmt::format("{}: reading is denied by its ACL", path));
  }
  void problem(size_t group, std::string text) {
    groups_[group].snapshot.problems.push_back(std::move(text));
  }

  Result<> read_groups();
  Result<> read_folders();
  Result<> read_registrations();
  void take_registration(const Id& id, const NodeData& node);
  Result<> read_topics();
  void take_partition_node(size_t topic, const std::string& name);
  Result<> read_owners();
  Result<> read_offsets();
  OffsetNode offset_node(const Leaf& leaf, const NodeData& node) const;
  Result<> read_misplaced();
  std::vector<GroupSnapshot> finish();

  Reader& reader_;
  const std::vector<GroupId>& names_;
  std::vector<Group> groups_;
  std::vector<Id> ids_;
  std::vector<Topic> topics_;
  std::vector<Leaf> owners_;
  std::vector<Leaf> offsets_;
  std::vector<Leaf> misplaced_;
};

Result<> TreeReader::read_groups() {
  std::vector<GroupId> possible;
  for (const GroupId& name : names_)
    if (is_node_name(name.value())) possible.push_back(name);
  return reader_.exists(
      possible.size(), [&](size_t i) { return fmt::format("/consumers/{}", possible[i]); },
      [&](size_t i, const NodeData& node) {
        if (node.state == NodeState::kMissing) return;
        groups_.emplace_back().snapshot.group = possible[i];
      });
}

// The folders are asked for by name rather than listed: a group's own ACL does not hide what is
// below it.
Result<> TreeReader::read_folders() {
  const auto group_of = [](size_t i) { return i / kFolders.size(); };
  const auto folder_of = [](size_t i) { return kFolders[i % kFolders.size()]; };
  return reader_.children(
      groups_.size() * kFolders.size(),
      [&](size_t i) { return path_of(group_of(i), folder_of(i)); },
      [&](size_t i, NodeChildren node) {
        const size_t group = group_of(i);
        const Folder folder = folder_of(i);
        if (node.state == NodeState::kMissing) return;
        if (folder == Folder::kIds) groups_[group].traces.has_ids = true;
        if (folder == Folder::kOwners) groups_[group].traces.has_owners = true;
        if (node.state == NodeState::kDenied) {
          denied(group, path_of(group, folder));
          if (folder == Folder::kOffsets) groups_[group].snapshot.all_denied = true;
        }
        for (std::string& name : node.names) {
          if (folder == Folder::kIds)
            ids_.push_back({group, std::move(name)});
          else
            topics_.push_back({group, folder, std::move(name)});
        }
      });
}

Result<> TreeReader::read_registrations() {
  return reader_.get(
      ids_.size(),
      [&](size_t i) { return child_path(path_of(ids_[i].group, Folder::kIds), ids_[i].name); },
      [&](size_t i, const NodeData& node) { take_registration(ids_[i], node); });
}

// A consumer counts as registered whatever its node holds: that is the cautious way.
void TreeReader::take_registration(const Id& id, const NodeData& node) {
  if (node.state == NodeState::kMissing) return;
  const std::string path = child_path(path_of(id.group, Folder::kIds), id.name);
  Group& group = groups_[id.group];
  ++group.traces.registrations;
  Registration& registration = group.snapshot.registrations.emplace_back();
  registration.consumer_id = id.name;
  if (node.state == NodeState::kDenied) return denied(id.group, path);
  if (!node.ephemeral)
    problem(id.group,
            fmt::format("{}: not an ephemeral node; it does not go away by itself", path));
  std::optional<RegistrationDocument> document = parse_registration(node.data);
  if (!document) {
    problem(id.group, fmt::format("{}: not a registration that kferry knows: \"{}\"", path,
                                  printable(node.data, kLongestShown)));
    return;
  }
  registration.topics = std::move(document->topics);
  registration.pattern = std::move(document->pattern);
  if (const auto layout = layout_of_registration(id.name, node.data))
    group.traces.registered.insert(*layout);
}

Result<> TreeReader::read_topics() {
  return reader_.children(
      topics_.size(), [&](size_t i) { return path_of(topics_[i]); },
      [&](size_t i, const NodeChildren& node) {
        const Topic& topic = topics_[i];
        if (node.state == NodeState::kDenied) {
          denied(topic.group, path_of(topic));
          if (topic.folder == Folder::kOffsets)
            groups_[topic.group].snapshot.denied_topics.emplace_back(topic.name);
        }
        for (const std::string& name : node.names) take_partition_node(i, name);
      });
}

void TreeReader::take_partition_node(size_t topic, const std::string& name) {
  const auto& [group, folder, topic_name] = topics_[topic];
  const std::optional<PartitionName> parsed = parse_partition_name(name);
  if (!parsed) {
    problem(group, fmt::format("{}/{}: \"{}\" is no partition number", path_of(topics_[topic]),
                               name, printable(name, kLongestShown)));
  } else if (folder == Folder::kOwners) {
    owners_.push_back({topic, parsed->partition, name});
  } else if (parsed->kafka07) {
    groups_[group].kafka07_topics.insert(TopicName(topic_name));
  } else {
    (folder == Folder::kOffsets ? offsets_ : misplaced_)
        .push_back({topic, parsed->partition, name});
  }
}

Result<> TreeReader::read_owners() {
  return reader_.get(
      owners_.size(), [&](size_t i) { return path_of(owners_[i]); },
      [&](size_t i, NodeData node) {
        const Topic& topic = topics_[owners_[i].topic];
        if (node.state == NodeState::kDenied) denied(topic.group, path_of(owners_[i]));
        if (node.state != NodeState::kFound || node.data.empty()) return;
        groups_[topic.group].snapshot.owners.push_back(
            {TopicName(topic.name), owners_[i].partition, std::move(node.data)});
      });
}

Result<> TreeReader::read_offsets() {
  return reader_.get(
      offsets_.size(), [&](size_t i) { return path_of(offsets_[i]); },
      [&](size_t i, const NodeData& node) {
        const Topic& topic = topics_[offsets_[i].topic];
        if (node.state == NodeState::kDenied) {
          denied(topic.group, path_of(offsets_[i]));
          groups_[topic.group].unread.insert(topic_partition_of(offsets_[i]));
          groups_[topic.group].snapshot.denied_offsets.push_back(topic_partition_of(offsets_[i]));
        }
        if (node.state == NodeState::kFound)
          groups_[topic.group].snapshot.offsets.push_back(offset_node(offsets_[i], node));
      });
}

OffsetNode TreeReader::offset_node(const Leaf& leaf, const NodeData& node) const {
  OffsetNode offset;
  offset.topic = TopicName(topics_[leaf.topic].name);
  offset.partition = leaf.partition;
  offset.path = path_of(leaf);
  offset.parsed = parse_decimal_offset(node.data);
  offset.node = node.version;
  return offset;
}

// Beside the node at the right place, or as an offset of its own where only this one exists: a
// broker 1.1.0 also read from there.
Result<> TreeReader::read_misplaced() {
  for (Group& group : groups_) std::ranges::sort(group.snapshot.offsets, comes_before);
  std::vector<std::pair<size_t, OffsetNode>> alone;
  KFERRY_CHECK(reader_.get(
      misplaced_.size(), [&](size_t i) { return path_of(misplaced_[i]); },
      [&](size_t i, const NodeData& node) {
        const size_t group = topics_[misplaced_[i].topic].group;
        if (node.state == NodeState::kDenied) denied(group, path_of(misplaced_[i]));
        if (node.state != NodeState::kFound) return;
        OffsetNode found = offset_node(misplaced_[i], node);
        std::vector<OffsetNode>& offsets = groups_[group].snapshot.offsets;
        const auto proper = std::ranges::lower_bound(offsets, found, comes_before);
        if (proper != offsets.end() && !comes_before(found, *proper)) {
          proper->misplaced = std::move(found.parsed);
          proper->misplaced_node = found.node;
        } else if (!groups_[group].unread.contains(topic_partition_of(misplaced_[i]))) {
          alone.emplace_back(group, std::move(found));
        }
      }));
  for (auto& [group, offset] : alone) groups_[group].snapshot.offsets.push_back(std::move(offset));
  return {};
}

std::vector<GroupSnapshot> TreeReader::finish() {
  std::vector<GroupSnapshot> snapshots;
  for (Group& group : groups_) {
    GroupSnapshot& snapshot = group.snapshot;
    std::ranges::sort(snapshot.offsets, comes_before);
    snapshot.kafka07_topics.assign(group.kafka07_topics.begin(), group.kafka07_topics.end());
    group.traces.offsets = snapshot.offsets.size();
    group.traces.kafka07_topics = snapshot.kafka07_topics.size();
    if (group.traces.registered.size() > 1)
      snapshot.problems.push_back("consumers of different clients are registered in this group");
    LayoutFinding finding = detect_layout(group.traces);
    snapshot.layout = finding.layout;
    snapshot.layout_evidence = std::move(finding.evidence);
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

}  // namespace

Result<std::vector<GroupSnapshot>> read_consumer_tree(Reader& reader,
                                                      const std::vector<GroupId>& groups) {
  return TreeReader(reader, groups).read();
}

}  // namespace kferry::zkoffsets
