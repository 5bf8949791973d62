// Whole numbers in JSON. nlohmann's get<int64_t>() makes another number of one that does not fit.
#pragma once

#include <concepts>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace kferry {

// nullopt: it is none (1.0 is none either), or does not fit T. For json and ordered_json.
template <std::integral T, class Json>
std::optional<T> whole_number(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.template get<typename Json::number_unsigned_t>();
    return std::in_range<T>(number) ? std::optional(static_cast<T>(number)) : std::nullopt;
  }
  if (!value.is_number_integer()) return std::nullopt;
  const auto number = value.template get<typename Json::number_integer_t>();
  return std::in_range<T>(number) ? std::optional(static_cast<T>(number)) : std::nullopt;
}

// The number that `value` is. Throws std::runtime_error: it is none, or not from `least` to `most`.
template <std::integral T, class Json>
T whole(const Json& value, T least = std::numeric_limits<T>::min(),
        T most = std::numeric_limits<T>::max()) {
  const std::optional<T> number = whole_number<T>(value);
  if (!number || *number < least || *number > most)
    throw std::runtime_error(
        fmt::format("there is no whole number from {} to {} where one should be", least, most));
  return *number;
}

// The one called `name` in `object`; `otherwise` when there is none.
template <std::integral T, class Json>
T whole_or(const Json& object, const char* name, T otherwise,
           T least = std::numeric_limits<T>::min()) {
  const auto found = object.find(name);
  return found == object.end() ? otherwise : whole<T>(*found, least);
}

}  // namespace kferry
