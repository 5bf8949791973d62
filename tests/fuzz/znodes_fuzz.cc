// What ZooKeeper says: the data of nodes in all layouts, names, and answers to multiRead. The first
// byte chooses.
#include <algorithm>
#include <array>
#include <limits>

#include "tests/fuzz/fuzz.h"
#include "zkoffsets/connect_string.h"
#include "zkoffsets/dialogue.h"
#include "zkoffsets/layout.h"
#include "zkoffsets/multi_answer.h"
#include "zkoffsets/path_template.h"
#include "zkoffsets/text.h"

namespace kferry::fuzz {
namespace {

using namespace zkoffsets;

void check(const ParsedOffset& parsed) {
  constexpr size_t kLongestDetail = 40;
  expect(parsed.offset.has_value() == (parsed.problem == OffsetProblem::kNone),
         "an offset with a problem, or neither");
  expect(parsed.detail.size() <= kLongestDetail &&
             std::ranges::all_of(parsed.detail, [](char c) { return c >= 0x20 && c < 0x7f; }),
         "a detail that is not fit to be shown");
  if (!parsed.offset) return;
  // The last processed one has a next one.
  const int64_t offset = parsed.offset->value();
  expect(offset >= 0 && offset < std::numeric_limits<int64_t>::max(), "an impossible offset");
  expect(parse_decimal_offset(std::to_string(offset)).offset == parsed.offset,
         "an offset that is not read back");
}

void decimal(const std::string& data) {
  check(parse_decimal_offset(data));
}
void storm(const std::string& data) {
  if (const auto state = parse_storm_state(data)) check(state->offset);
}
void trident(const std::string& data) {
  if (const auto state = parse_trident_state(data)) check(state->offset);
}
void csv(const std::string& data) {
  const auto entries = parse_csv_offsets(data);
  if (!entries) return;
  for (const CsvEntry& entry : *entries) {
    expect(entry.partition.value() >= 0, "a negative partition");
    check(entry.offset);
  }
}

// The pointer is what stands before the first line end.
void json(const std::string& data) {
  const size_t end = std::min(data.find('\n'), data.size());
  const std::string pointer = data.substr(0, end);
  const ParsedOffset parsed =
      parse_json_offset(data.substr(std::min(end + 1, data.size())), pointer);
  check(parsed);
  expect(is_json_pointer(pointer) || !parsed.offset, "an offset at no pointer");
}

// The name is what stands before the first line end, the template the rest.
void path(const std::string& data) {
  const size_t end = std::min(data.find('\n'), data.size());
  const auto parsed = parse_path_template(data.substr(std::min(end + 1, data.size())));
  if (!parsed) return;
  const std::string name = data.substr(0, end);
  for (const auto& segment : parsed->segments) {
    const auto found = match(segment, name);
    expect(!found || !is_literal(segment) || to_string(segment) == name, "another name matches");
  }
  for (const auto& segment : of_group(*parsed, GroupId("g")).segments) (void)match(segment, name);
}

// The consumer's id is what stands before the first line end.
void registration(const std::string& data) {
  const size_t end = std::min(data.find('\n'), data.size());
  const std::string document = data.substr(std::min(end + 1, data.size()));
  const auto layout = layout_of_registration(data.substr(0, end), document);
  expect(layout.has_value() == parse_registration(document).has_value(),
         "a registration of no client");
}

void names(const std::string& data) {
  parse_cluster_id(data);
  const auto number = parse_node_number(data);
  expect(!number || std::to_string(*number) == data, "two names for one partition");
  constexpr size_t kLimit = 60;
  expect(printable(data, kLimit).size() <= kLimit, "longer than its limit");
}

void connect_string(const std::string& data) {
  const auto parsed = parse_connect_string(data);
  expect(!parsed || !parsed->servers.empty(), "no server");
}

template <class Node>
void multi(const std::string& data) {
  std::array<Node, 3> nodes;
  if (!read_multi_answer(data, std::span<Node>(nodes)).empty()) return;
  for (const Node& node : nodes)
    if constexpr (std::is_same_v<Node, NodeData>)
      expect(node.data.size() <= data.size(), "more data than came");
    else
      expect(node.names.size() <= data.size() && std::ranges::is_sorted(node.names),
             "names that did not come");
}

// Frames, each after a byte that says whose it is and one with its length.
void dialogue(const std::string& data) {
  Dialogue carried;
  for (size_t at = 0; at + 2 <= data.size();) {
    const bool answer = (data[at] & 1) != 0;
    const std::string frame = data.substr(at + 2, static_cast<unsigned char>(data[at + 1]));
    at += 2 + frame.size();
    if (!answer) {
      carried.ask(frame);
    } else if (!carried.check_answer(frame).empty()) {
      return;  // the connection ends here
    }
  }
}

constexpr std::array kTargets{decimal,
                              storm,
                              trident,
                              csv,
                              registration,
                              names,
                              connect_string,
                              multi<NodeData>,
                              multi<NodeChildren>,
                              json,
                              path,
                              dialogue};

}  // namespace
}  // namespace kferry::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kferry;
  const fuzz::Input input(data, size);
  fuzz::kTargets[input.choice % fuzz::kTargets.size()](input.rest);
  return 0;
}
