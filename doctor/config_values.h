// Configs as the judges look at them. Private to doctor/.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

#include "doctor/facts.h"

namespace kferry::doctor {

// The value in effect, where it comes from aside.
inline std::optional<std::string> effective(const Result<kafkaio::Configs>& configs,
                                            const std::string& name) {
  if (!configs) return std::nullopt;
  const auto found = configs->find(name);
  return found == configs->end() ? std::nullopt : found->second.value;
}

// What is set for the topic itself.
inline std::optional<std::string> own(const Result<kafkaio::Configs>& configs,
                                      const std::string& name) {
  if (!configs) return std::nullopt;
  const auto found = configs->find(name);
  if (found == configs->end() || found->second.source != kafkaio::ConfigSource::kTopic)
    return std::nullopt;
  return found->second.value;
}

inline std::optional<int64_t> to_number(const std::optional<std::string>& text) {
  int64_t number = 0;
  if (!text) return std::nullopt;
  const char* const end = text->data() + text->size();
  const auto [read_to, error] = std::from_chars(text->data(), end, number);
  return error == std::errc() && read_to == end ? std::optional(number) : std::nullopt;
}

// "7 d", "36 h", "90 min": what a person reads; "for ever" of a negative number.
inline std::string time_words(int64_t ms) {
  constexpr int64_t kMinute = 60'000;
  constexpr int64_t kHour = 60 * kMinute;
  if (ms < 0) return "for ever";
  if (ms >= 48 * kHour && ms % (24 * kHour) == 0) return std::to_string(ms / (24 * kHour)) + " d";
  if (ms >= 2 * kHour) return std::to_string(ms / kHour) + " h";
  if (ms >= 2 * kMinute) return std::to_string(ms / kMinute) + " min";
  return std::to_string(ms / 1000) + " s";
}

}  // namespace kferry::doctor
