#include "verify/json_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "base/whole_number.h"

namespace kferry::verify {
namespace {

using nlohmann::json;

const json& null_json() {
  static const json null;
  return null;
}

const json& empty_object() {
  static const json object = json::object();
  return object;
}

// What base's to_rfc3339() writes: "2026-11-23T20:04:05.678Z". Nothing that kferry tells the time
// of happened before 1970; a negative number means "never" elsewhere.
std::optional<int64_t> parse_time(std::string_view text) {
  const std::optional<int64_t> time = parse_rfc3339(text);
  return time && to_rfc3339(*time) == text ? time : std::nullopt;
}

}  // namespace

void Reading::fail_at(const std::string& pointer, std::string_view trouble) {
  if (error_) return;
  error_ = Error{ErrorKind::kUsage,
                 fmt::format("{} {}", pointer.empty() ? "the document" : pointer, trouble),
                 {},
                 0};
}

Fields::Fields(Reading& reading, const json& object, std::string pointer)
    : reading_(&reading), object_(&object), pointer_(std::move(pointer)) {
  if (object_->is_object()) return;
  reading_->fail_at(pointer_, "is not an object");
  object_ = &empty_object();
}

std::string Fields::pointer_to(std::string_view name) const {
  return pointer_ + "/" + escape_control(name.substr(0, 60));
}

void Fields::fail(std::string_view name, std::string_view trouble) {
  reading_->fail_at(pointer_to(name), trouble);
}

const json& Fields::at(std::string_view name) {
  seen_.emplace_back(name);
  const auto found = object_->find(name);
  if (found != object_->end()) return *found;
  fail(name, "is missing");
  return null_json();
}

std::string Fields::text(std::string_view name) {
  const json& value = at(name);
  if (value.is_string()) return value.get<std::string>();
  fail(name, "is not a string");
  return {};
}

std::optional<std::string> Fields::maybe_text(std::string_view name) {
  const json& value = at(name);
  if (value.is_null()) return std::nullopt;
  if (value.is_string()) return value.get<std::string>();
  fail(name, "is neither a string nor null");
  return std::nullopt;
}

int64_t Fields::number(std::string_view name, int64_t least, int64_t most) {
  const std::optional<int64_t> number = whole_number<int64_t>(at(name));
  if (!number) {
    fail(name, "is not a whole number that fits 64 bits");
  } else if (*number < least || *number > most) {
    fail(name, fmt::format("is {}, not from {} to {}", *number, least, most));
  }
  return number.value_or(0);
}

std::optional<int64_t> Fields::maybe_number(std::string_view name, int64_t least) {
  if (at(name).is_null()) return std::nullopt;
  seen_.pop_back();
  return number(name, least);
}

bool Fields::truth(std::string_view name) {
  const json& value = at(name);
  if (value.is_boolean()) return value.get<bool>();
  fail(name, "is neither true nor false");
  return false;
}

int64_t Fields::time(std::string_view name) {
  const std::optional<int64_t> time = parse_time(text(name));
  if (!time) fail(name, "is not a time like 2026-11-23T20:04:05.678Z");
  return time.value_or(0);
}

std::optional<int64_t> Fields::maybe_time(std::string_view name) {
  if (at(name).is_null()) return std::nullopt;
  seen_.pop_back();
  return time(name);
}

std::vector<std::string> Fields::texts(std::string_view name) {
  const json& value = at(name);
  std::vector<std::string> texts;
  if (!value.is_array()) fail(name, "is not an array");
  if (!value.is_array()) return texts;
  for (const json& element : value) {
    if (!element.is_string()) fail(name, "has an element that is not a string");
    if (element.is_string()) texts.push_back(element.get<std::string>());
  }
  return texts;
}

Fields Fields::object(std::string_view name) {
  return {*reading_, at(name), pointer_to(name)};
}

std::optional<Fields> Fields::maybe_object(std::string_view name) {
  const json& value = at(name);
  if (value.is_null()) return std::nullopt;
  return Fields(*reading_, value, pointer_to(name));
}

std::vector<Fields> Fields::objects(std::string_view name) {
  const json& value = at(name);
  std::vector<Fields> objects;
  if (!value.is_array()) fail(name, "is not an array");
  if (!value.is_array()) return objects;
  for (size_t i = 0; i < value.size(); ++i)
    objects.emplace_back(*reading_, value[i], fmt::format("{}/{}", pointer_to(name), i));
  return objects;
}

void Fields::taken_out(std::string_view name) {
  const json& value = at(name);
  if (!value.is_array()) fail(name, "is not an array");
  if (!value.empty()) fail(name, "has an element that is not an object");
}

void Fields::no_others() {
  if (seen_.size() == object_->size()) return;
  for (const auto& [name, value] : object_->items())
    if (std::ranges::find(seen_, name) == seen_.end()) fail(name, "is not a known field");
}

Result<json> parse_grouped(Reading& reading, const std::string& text,
                           const GroupedHandler& handler) {
  constexpr int kDeepest = 20;  // our own documents: 6
  // The keys under which the parser is now, by depth: an object at depth 4 below "groups" (1) and
  // "partitions" (3) is a partition; one at depth 2 below "groups" is a group.
  std::array<std::string, 4> keys;
  size_t group = 0;
  size_t partition = 0;
  const json::parser_callback_t take_out = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > kDeepest) reading.fail_at("", "is nested too deeply");
    if (depth > kDeepest) return false;  // takes no memory
    if (event == json::parse_event_t::key && (depth == 1 || depth == 3))
      keys[static_cast<size_t>(depth)] = parsed.get_ref<const std::string&>();
    if (event != json::parse_event_t::object_end || keys[1] != "groups") return true;
    if (depth == 4 && keys[3] == "partitions") {
      Fields fields(reading, parsed, fmt::format("/groups/{}/partitions/{}", group, partition++));
      handler.on_partition(fields);
      return false;
    }
    if (depth == 2) {
      Fields fields(reading, parsed, fmt::format("/groups/{}", group++));
      handler.on_group(fields);
      partition = 0;
      keys[3].clear();
      return false;
    }
    return true;
  };
  try {
    json rest = json::parse(text, take_out);
    if (!rest.is_object()) return fail(ErrorKind::kUsage, "the document is not a JSON object");
    return rest;
  } catch (const json::exception& exception) {
    std::string_view what = exception.what();
    if (const size_t end = what.find("] "); end != what.npos) what.remove_prefix(end + 2);
    return fail(ErrorKind::kUsage, "it is not JSON: " + escape_control(what.substr(0, 200)));
  }
}

}  // namespace kferry::verify
