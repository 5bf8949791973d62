// Reads JSON documents strictly: every field is there, of the right type and known; what is wrong
// is named by its JSON pointer (RFC 6901).
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace kferry::verify {

// Where one document's reading stands: the first trouble is kept, later ones are its consequences.
class Reading {
 public:
  void fail_at(const std::string& pointer, std::string_view trouble);
  bool failed() const { return error_.has_value(); }
  // kUsage.
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

// The fields of one object. An accessor that finds trouble tells `reading` and returns an empty
// value. `object` must outlive this.
class Fields {
 public:
  Fields(Reading& reading, const nlohmann::json& object, std::string pointer);

  // Whether it is there, for what earlier versions did not write.
  bool has(std::string_view name) const { return object_->contains(std::string(name)); }

  std::string text(std::string_view name);
  std::optional<std::string> maybe_text(std::string_view name);
  int64_t number(std::string_view name, int64_t least = 0,
                 int64_t most = std::numeric_limits<int64_t>::max());
  std::optional<int64_t> maybe_number(std::string_view name, int64_t least = 0);
  bool truth(std::string_view name);
  // Milliseconds since the epoch of an RFC 3339 time in UTC with milliseconds.
  int64_t time(std::string_view name);
  std::optional<int64_t> maybe_time(std::string_view name);
  std::vector<std::string> texts(std::string_view name);
  // An object below this one.
  Fields object(std::string_view name);
  std::optional<Fields> maybe_object(std::string_view name);
  // The objects of an array below this one.
  std::vector<Fields> objects(std::string_view name);
  // Must be an empty array: what parse_grouped() took out leaves nothing behind.
  void taken_out(std::string_view name);
  // The value of a text for which `parse` knows a meaning.
  template <class Parse>
  auto named(std::string_view name, Parse&& parse) {
    const std::string word = text(name);
    auto meaning = parse(word);
    if (!meaning)
      fail(name, "is '" + word.substr(0, 40) + "', which is not one of the known words");
    return meaning.value_or(typename decltype(meaning)::value_type{});
  }

  // After all other calls: a field that nobody asked for is an error too.
  void no_others();
  void fail(std::string_view name, std::string_view trouble);

 private:
  const nlohmann::json& at(std::string_view name);
  std::string pointer_to(std::string_view name) const;

  Reading* reading_;
  const nlohmann::json* object_;
  std::string pointer_;
  std::vector<std::string> seen_;
};

// A document {"groups": [{"partitions": [{...}]}]}: each partition is handed over and dropped when
// it has been read, then its group, so that the whole tree is never in memory.
struct GroupedHandler {
  std::function<void(Fields&)> on_partition;
  std::function<void(Fields&)> on_group;  // after its partitions
};
// The rest of the document, in which "groups" is empty. kUsage: not JSON, or not an object; then
// nothing more is called. Troubles in handlers are for the caller to see in `reading`.
Result<nlohmann::json> parse_grouped(Reading& reading, const std::string& text,
                                     const GroupedHandler& handler);

}  // namespace kferry::verify
