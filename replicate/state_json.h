// What the records of the state topic have in common: their JSON, written and read.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/result.h"

namespace kferry::replicate {

// No later time can be written as RFC 3339.
inline constexpr int64_t kEndOfYear9999Ms = 253'402'300'799'999;

// Names and words may hold any bytes.
inline std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The one of `all` that to_string() calls `name`. Throws: there is none.
template <class All>
auto from_name(const All& all, std::string_view name) {
  for (const auto one : all)
    if (to_string(one) == name) return one;
  throw std::runtime_error(fmt::format("no state '{}'", name));
}

// read(json) of a record; kFailed when it throws.
template <class Read>
auto parse(const char* what, const std::string& value, Read read)
    -> Result<decltype(read(nlohmann::json()))> {
  try {
    return read(nlohmann::json::parse(value));
  } catch (const std::exception& error) {
    return fail(ErrorKind::kFailed,
                fmt::format("the flow's state: {} is not readable: {}", what, error.what()),
                "another version of kferry wrote it, or somebody else");
  }
}

}  // namespace kferry::replicate
