#include "zkoffsets/external_tree.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "zkoffsets/path_template.h"
#include "zkoffsets/text.h"

namespace kferry::zkoffsets {
namespace {

constexpr size_t kLongestShown = 60;

// "partition_<N>" -> N.
std::optional<Partition> parse_storm_partition(std::string_view name) {
  constexpr std::string_view kPrefix = "partition_";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const auto number = parse_node_number(name.substr(kPrefix.size()));
  return number ? std::optional(Partition(*number)) : std::nullopt;
}

// Reads one entry into its group's snapshot.
class EntryReader {
 public:
  EntryReader(Reader& reader, const ExternalLayout& entry, GroupSnapshot& group)
      : reader_(reader), entry_(entry), group_(group) {}

  Result<> read() {
    if (entry_.layout == Layout::kSparkCsv) return read_csv();
    if (entry_.layout == Layout::kCustom) return read_custom();
    KFERRY_CHECK(find_partitions());
    if (entry_.layout == Layout::kTrident) KFERRY_CHECK(find_last_transactions());
    return read_documents();
  }

 private:
  struct Document {
    std::string path;
    Partition partition;
    std::optional<TopicName> topic;  // where the path holds it
  };
  // A node on the way down a custom path, and what the names down to it say.
  struct Place {
    std::string path;  // empty: the root
    std::optional<TopicName> topic = {};
    std::optional<Partition> partition = {};
  };

  void problem(const std::string& path, std::string_view what) {
    group_.problems.push_back(fmt::format("{}: {}", path, what));
  }
  // Whether there is something to go on with.
  bool is_found(NodeState state, const std::string& path) {
    if (state == NodeState::kMissing) problem(path, "does not exist");
    if (state == NodeState::kDenied) problem(path, "reading is denied by its ACL");
    return state == NodeState::kFound;
  }
  void add(const std::string& path, TopicName topic, Partition partition, ParsedOffset offset,
           const NodeVersion& version);

  Result<> read_csv();
  Result<> read_custom();
  Result<> step_down(const PathTemplate::Segment& segment);
  void take_name(const Place& parent, const PathTemplate::Segment& segment,
                 const std::string& name);
  void deny(const Place& place);
  Result<> find_partitions();
  Result<> find_last_transactions();
  Result<> read_documents();
  void take_document(const Document& document, const NodeData& node);

  Reader& reader_;
  const ExternalLayout& entry_;
  GroupSnapshot& group_;
  std::vector<Document> documents_;
  std::vector<Place> places_;
};

void EntryReader::add(const std::string& path, TopicName topic, Partition partition,
                      ParsedOffset offset, const NodeVersion& version) {
  for (const OffsetNode& other : group_.offsets)
    if (other.topic == topic && other.partition == partition)
      return problem(path, fmt::format("{}-{} is already given by {}; the first counts", topic,
                                       partition, other.path));
  OffsetNode& node = group_.offsets.emplace_back();
  node.topic = std::move(topic);
  node.partition = partition;
  node.path = path;
  node.parsed = std::move(offset);
  node.node = version;
}

Result<> EntryReader::read_csv() {
  KFERRY_TRY(const NodeData node, reader_.get_one(entry_.path));
  if (!is_found(node.state, entry_.path)) return {};
  std::optional<std::vector<CsvEntry>> entries = parse_csv_offsets(node.data);
  if (!entries) {
    problem(entry_.path, fmt::format("\"{}\" is not of the form partition:offset,...",
                                     printable(node.data, kLongestShown)));
    return {};
  }
  for (CsvEntry& one : *entries)
    add(entry_.path, entry_.topic, one.partition, std::move(one.offset), node.version);
  return {};
}

Result<> EntryReader::read_custom() {
  KFERRY_TRY(const PathTemplate path, parse_path_template(entry_.path));
  places_ = {{"", entry_.topic.value().empty() ? std::nullopt : std::optional(entry_.topic)}};
  for (const PathTemplate::Segment& segment : of_group(path, entry_.group).segments) {
    if (!is_literal(segment)) {
      KFERRY_CHECK(step_down(segment));
      continue;
    }
    for (Place& place : places_) place.path += '/' + segment.front().text;
  }
  return reader_.get(
      places_.size(), [&](size_t i) { return places_[i].path; },
      [&](size_t i, const NodeData& node) {
        const Place& place = places_[i];
        if (node.state == NodeState::kDenied) deny(place);
        if (!is_found(node.state, place.path)) return;
        add(place.path, *place.topic, *place.partition,
            entry_.offset_pointer ? parse_json_offset(node.data, *entry_.offset_pointer)
                                  : parse_decimal_offset(node.data),
            node.version);
      });
}

// From each place to its children whose names fit.
Result<> EntryReader::step_down(const PathTemplate::Segment& segment) {
  const std::vector<Place> parents = std::exchange(places_, {});
  return reader_.children(
      parents.size(), [&](size_t i) { return parents[i].path.empty() ? "/" : parents[i].path; },
      [&](size_t i, const NodeChildren& node) {
        if (node.state == NodeState::kDenied) deny(parents[i]);
        if (!is_found(node.state, parents[i].path)) return;
        for (const std::string& name : node.names) take_name(parents[i], segment, name);
      });
}

void EntryReader::take_name(const Place& parent, const PathTemplate::Segment& segment,
                            const std::string& name) {
  Place place = parent;
  place.path = fmt::format("{}/{}", parent.path, name);
  std::optional<NameMatch> found = match(segment, name);
  if (!found)
    return problem(place.path, fmt::format("the name does not fit {}", to_string(segment)));
  if (found->topic) place.topic = std::move(found->topic);
  if (found->partition) place.partition = found->partition;
  places_.push_back(std::move(place));
}

// What is hidden must not be taken for absent.
void EntryReader::deny(const Place& place) {
  if (place.topic && place.partition)
    group_.denied_offsets.push_back({*place.topic, *place.partition});
  else if (place.topic)
    group_.denied_topics.push_back(*place.topic);
  else
    group_.all_denied = true;
}

// <path>/partition_<N>, or <path>/<topic>/partition_<N> for spouts over several topics.
Result<> EntryReader::find_partitions() {
  const std::string root =
      entry_.layout == Layout::kTrident ? child_path(entry_.path, "user") : entry_.path;
  KFERRY_TRY(const NodeChildren top, reader_.children_of(root));
  if (!is_found(top.state, root)) return {};
  std::vector<std::string> topics;
  for (const std::string& name : top.names) {
    if (const auto partition = parse_storm_partition(name))
      documents_.push_back({child_path(root, name), *partition, std::nullopt});
    else
      topics.push_back(name);
  }
  return reader_.children(
      topics.size(), [&](size_t i) { return child_path(root, topics[i]); },
      [&](size_t i, const NodeChildren& node) {
        const std::string path = child_path(root, topics[i]);
        if (node.state == NodeState::kDenied) is_found(node.state, path);
        if (node.state == NodeState::kFound && node.names.empty())
          problem(path, "is neither a partition nor a topic");
        for (const std::string& name : node.names) {
          if (const auto partition = parse_storm_partition(name))
            documents_.push_back({child_path(path, name), *partition, TopicName(topics[i])});
          else
            problem(child_path(path, name), "is not named partition_<N>");
        }
      });
}

// Trident keeps the last few transactions of a partition; the highest one counts.
Result<> EntryReader::find_last_transactions() {
  const std::vector<Document> partitions = std::exchange(documents_, {});
  return reader_.children(
      partitions.size(), [&](size_t i) { return partitions[i].path; },
      [&](size_t i, const NodeChildren& node) {
        const Document& partition = partitions[i];
        if (node.state == NodeState::kDenied) is_found(node.state, partition.path);
        std::optional<ZookeeperOffset> highest;
        std::string name;
        for (const std::string& one : node.names) {
          const std::optional<ZookeeperOffset> transaction = parse_decimal_offset(one).offset;
          if (!transaction) problem(child_path(partition.path, one), "is no transaction number");
          if (!transaction || (highest && *transaction <= *highest)) continue;
          highest = transaction;
          name = one;
        }
        if (highest)
          documents_.push_back(
              {child_path(partition.path, name), partition.partition, partition.topic});
        else if (node.state == NodeState::kFound)
          problem(partition.path, "holds no transaction");
      });
}

Result<> EntryReader::read_documents() {
  return reader_.get(
      documents_.size(), [&](size_t i) { return documents_[i].path; },
      [&](size_t i, const NodeData& node) { take_document(documents_[i], node); });
}

void EntryReader::take_document(const Document& document, const NodeData& node) {
  if (node.state == NodeState::kDenied) is_found(node.state, document.path);
  if (node.state != NodeState::kFound) return;
  std::optional<StormState> state = entry_.layout == Layout::kTrident
                                        ? parse_trident_state(node.data)
                                        : parse_storm_state(node.data);
  if (!state)
    return problem(document.path, fmt::format("no topic and partition in \"{}\"",
                                              printable(node.data, kLongestShown)));
  if (state->partition != document.partition || (document.topic && *document.topic != state->topic))
    return problem(document.path, fmt::format("the document is that of another partition, {}-{}",
                                              state->topic, state->partition));
  add(document.path, std::move(state->topic), document.partition, std::move(state->offset),
      node.version);
}

}  // namespace

Result<std::vector<GroupId>> find_groups(Reader& reader, const ExternalLayout& entry) {
  KFERRY_TRY(const PathTemplate path, parse_path_template(entry.path));
  // Down to the name with {group}; what stands behind it does not matter here.
  std::vector<std::string> places = {""};
  std::set<GroupId> groups;
  for (const PathTemplate::Segment& segment : path.segments) {
    const bool names_group = std::ranges::find(segment, PathTemplate::Kind::kGroup,
                                               &PathTemplate::Piece::kind) != segment.end();
    std::vector<std::string> below;
    if (is_literal(segment)) {
      for (const std::string& place : places) below.push_back(place + '/' + segment.front().text);
      places = std::move(below);
      continue;
    }
    std::string denied;
    KFERRY_CHECK(reader.children(
        places.size(), [&](size_t i) { return places[i].empty() ? "/" : places[i]; },
        [&](size_t i, const NodeChildren& node) {
          if (node.state == NodeState::kDenied) denied = places[i].empty() ? "/" : places[i];
          for (const std::string& name : node.names) {
            const auto found = match(segment, name);
            if (found && found->group) groups.insert(*found->group);
            if (found && !names_group) below.push_back(fmt::format("{}/{}", places[i], name));
          }
        }));
    if (!denied.empty())
      return fail(
          ErrorKind::kNotAuthorised,
          fmt::format("external path '{}': listing {} is denied by its ACL", entry.path, denied),
          "give the entry its group, or let kferry read the node");
    if (names_group) break;
    places = std::move(below);
  }
  return std::vector<GroupId>(groups.begin(), groups.end());
}

Result<std::vector<GroupSnapshot>> read_external(Reader& reader,
                                                 const std::vector<ExternalLayout>& external) {
  std::map<GroupId, GroupSnapshot> groups;
  for (const ExternalLayout& entry : external) {
    auto [at, is_new] = groups.try_emplace(entry.group);
    GroupSnapshot& group = at->second;
    if (is_new) {
      group.group = entry.group;
      group.layout = entry.layout;
      group.layout_evidence = "by configuration";
    } else if (group.layout != entry.layout) {
      group.problems.push_back(
          fmt::format("{}: of another layout than the group's first path", entry.path));
    }
    KFERRY_CHECK(EntryReader(reader, entry, group).read());
  }
  std::vector<GroupSnapshot> ordered;
  for (auto& [name, group] : groups) {
    std::ranges::sort(group.offsets, [](const OffsetNode& a, const OffsetNode& b) {
      return std::tie(a.topic, a.partition) < std::tie(b.topic, b.partition);
    });
    ordered.push_back(std::move(group));
  }
  return ordered;
}

}  // namespace kferry::zkoffsets
