#include "zkoffsets/external_tree.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

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
  Result<> find_partitions();
  Result<> find_last_transactions();
  Result<> read_documents();
  void take_document(const Document& document, const NodeData& node);

  Reader& reader_;
  const ExternalLayout& entry_;
  GroupSnapshot& group_;
  std::vector<Document> documents_;
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

Result<> check_external(const std::vector<ExternalLayout>& external) {
  for (const ExternalLayout& entry : external) {
    const std::string which =
        fmt::format("external offsets of group {} at \"{}\"", entry.group, entry.path);
    if (entry.layout != Layout::kStorm && entry.layout != Layout::kTrident &&
        entry.layout != Layout::kSparkCsv)
      return fail(ErrorKind::kUsage,
                  fmt::format("{}: the layout {} is not kept outside /consumers", which,
                              to_string(entry.layout)),
                  "give storm, trident or spark-csv");
    if (!entry.path.starts_with('/') || entry.path.ends_with('/') ||
        !std::ranges::all_of(split(std::string_view(entry.path).substr(1), '/'), is_node_name))
      return fail(ErrorKind::kUsage, fmt::format("{}: not the path of a znode", which),
                  "give it from the chroot on: it begins with \"/\" and does not end in one");
    if (entry.layout == Layout::kSparkCsv && entry.topic.value().empty())
      return fail(ErrorKind::kUsage, fmt::format("{}: spark-csv needs the topic", which), "");
  }
  return {};
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
