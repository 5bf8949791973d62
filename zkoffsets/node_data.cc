// The data of znodes: what layout.h declares as parse_*.
#include <algorithm>
#include <charconv>
#include <limits>

#include <nlohmann/json.hpp>

#include "zkoffsets/layout.h"
#include "zkoffsets/text.h"

namespace kferry::zkoffsets {
namespace {

using Json = nlohmann::json;

constexpr size_t kLongestDetail = 40;
constexpr size_t kLongestOffsetData = 4096;       // no client writes more than 20 digits
constexpr size_t kLongestDocument = 1024 * 1024;  // ZooKeeper's own default limit
constexpr int kDeepestDocument = 32;
// One below the largest: Convention::kLastProcessed adds one.
constexpr int64_t kLargestOffset = std::numeric_limits<int64_t>::max() - 1;

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

ParsedOffset problem(OffsetProblem what, std::string_view data) {
  return {std::nullopt, what, printable(data, kLongestDetail)};
}

// Brackets outside strings. The JSON library keeps its own stack, but nothing of ours should depend
// on it.
bool is_too_deep(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > kDeepestDocument) return true;
  }
  return false;
}

std::optional<Json> parse_document(std::string_view text) {
  if (text.size() > kLongestDocument || is_too_deep(text)) return std::nullopt;
  Json document = Json::parse(text, nullptr, false);
  if (document.is_discarded()) return std::nullopt;
  return document;
}

// The object that `text` holds; nullopt for anything else.
std::optional<Json> parse_object(std::string_view text) {
  std::optional<Json> document = parse_document(text);
  return document && document->is_object() ? document : std::nullopt;
}

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

ParsedOffset offset_of(const Json* number) {
  if (number == nullptr || number->is_null()) return problem(OffsetProblem::kEmpty, "");
  // Whatever is an integer in JSON is written as Kafka writes it; 1.0, 1e3, "5" and [] are not.
  if (!number->is_number_integer())
    return problem(OffsetProblem::kNotANumber,
                   number->dump(-1, ' ', true, Json::error_handler_t::replace));
  return parse_decimal_offset(number->dump());
}

std::optional<StormState> parse_state(std::string_view json, const char* offset_name) {
  const std::optional<Json> document = parse_object(json);
  if (!document) return std::nullopt;
  const Json* const topic = member(*document, "topic");
  const Json* const partition = member(*document, "partition");
  if (topic == nullptr || !topic->is_string() || topic->get_ref<const std::string&>().empty())
    return std::nullopt;
  if (partition == nullptr || !partition->is_number_integer()) return std::nullopt;
  const std::optional<int32_t> number = parse_node_number(partition->dump());
  if (!number) return std::nullopt;
  return StormState{TopicName(topic->get<std::string>()), Partition(*number),
                    offset_of(member(*document, offset_name))};
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

// Whether `id` ends in a UUID, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", after `separator`.
bool ends_in_uuid(std::string_view id, char separator) {
  constexpr size_t kUuidLength = 36;
  if (id.size() <= kUuidLength || id[id.size() - kUuidLength - 1] != separator) return false;
  const std::vector<std::string_view> parts = split(id.substr(id.size() - kUuidLength), '-');
  constexpr size_t kLengths[] = {8, 4, 4, 4, 12};
  return std::ranges::equal(parts, kLengths, [](std::string_view part, size_t length) {
    return part.size() == length && is_hex(part);
  });
}

}  // namespace

ParsedOffset parse_decimal_offset(std::string_view data) {
  if (data.empty()) return problem(OffsetProblem::kEmpty, data);
  if (data.size() > kLongestOffsetData) return problem(OffsetProblem::kHuge, data);
  if (data.front() == '-' && is_digits(data.substr(1)))
    return problem(OffsetProblem::kNegative, data);
  if (!is_digits(data)) return problem(OffsetProblem::kNotANumber, data);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(data.data(), data.data() + data.size(), number);
  if (error != std::errc() || number > kLargestOffset)
    return problem(OffsetProblem::kTooLarge, data);
  return {ZookeeperOffset(number), OffsetProblem::kNone, printable(data, kLongestDetail)};
}

std::optional<StormState> parse_storm_state(std::string_view json) {
  return parse_state(json, "offset");
}

std::optional<StormState> parse_trident_state(std::string_view json) {
  return parse_state(json, "nextOffset");
}

std::optional<std::vector<CsvEntry>> parse_csv_offsets(std::string_view data) {
  if (data.size() > kLongestDocument) return std::nullopt;
  std::vector<CsvEntry> entries;
  for (const std::string_view part : split(data, ',')) {
    const size_t colon = part.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::optional<int32_t> partition = parse_node_number(part.substr(0, colon));
    if (!partition) return std::nullopt;
    entries.push_back({Partition(*partition), parse_decimal_offset(part.substr(colon + 1))});
  }
  return entries;
}

bool is_json_pointer(const std::string& pointer) {
  try {
    (void)Json::json_pointer(pointer);
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

ParsedOffset parse_json_offset(std::string_view json, const std::string& pointer) {
  if (json.empty()) return problem(OffsetProblem::kEmpty, json);
  const std::optional<Json> document = parse_document(json);
  if (!document) return problem(OffsetProblem::kNotANumber, json);
  try {
    const Json& found = document->at(Json::json_pointer(pointer));
    return found.is_string() ? parse_decimal_offset(found.get_ref<const std::string&>())
                             : offset_of(&found);
  } catch (const Json::exception&) {  // nothing is there
    return problem(OffsetProblem::kNotANumber, json);
  }
}

std::optional<RegistrationDocument> parse_registration(std::string_view json) {
  const std::optional<Json> document = parse_object(json);
  if (!document) return std::nullopt;
  const Json* const subscription = member(*document, "subscription");
  if (subscription == nullptr || !subscription->is_object()) return std::nullopt;
  RegistrationDocument registration;
  for (const auto& [topic, streams] : subscription->items()) registration.topics.push_back(topic);
  if (const Json* const pattern = member(*document, "pattern"); pattern && pattern->is_string())
    registration.pattern = pattern->get<std::string>();
  const Json* const timestamp = member(*document, "timestamp");
  registration.numeric_timestamp = timestamp != nullptr && timestamp->is_number_integer();
  return registration;
}

std::optional<Layout> layout_of_registration(std::string_view consumer_id, std::string_view json) {
  const std::optional<RegistrationDocument> document = parse_registration(json);
  if (!document) return std::nullopt;
  // kazoo-go: "<host>:<uuid>", seconds as a number. Every other client writes the time as a string.
  if (document->numeric_timestamp || ends_in_uuid(consumer_id, ':')) return Layout::kWvanbergen;
  // kafka-node: "<group>_<uuid>" or an id of the user's; literal names although the pattern is
  // white_list. A white list of the JVM consumer is one regular expression.
  if (document->pattern == "white_list" &&
      (ends_in_uuid(consumer_id, '_') || document->topics.size() > 1))
    return Layout::kKafkaNode;
  return Layout::kHighLevelConsumer;
}

std::optional<std::string> parse_cluster_id(std::string_view json) {
  const std::optional<Json> document = parse_object(json);
  if (!document) return std::nullopt;
  const Json* const id = member(*document, "id");
  if (id == nullptr || !id->is_string()) return std::nullopt;
  return id->get<std::string>();
}

}  // namespace kferry::zkoffsets
