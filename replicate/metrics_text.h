// Prometheus' text format, version 0.0.4. prometheus-cpp's serializer takes 0.4 s for the 180,000
// samples of 22,560 partitions, this 0.05 s; a test compares the two.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kferry::replicate {

// A label's value between its quotes. Bytes that are not UTF-8 become \xNN: Prometheus would throw
// away everything.
std::string escape_label(std::string_view value);

class MetricsText {
 public:
  enum class Type { kCounter, kGauge };

  // The samples that follow are of this metric. Names and help are ours: nothing is escaped.
  void family(std::string_view name, Type type, std::string_view help);
  // `labels` as they stand in the text: empty, or {name="value",...} with escaped values.
  void sample(std::string_view labels, int64_t value);
  void sample(std::string_view labels, double value);

  void reserve(size_t bytes) { text_.reserve(bytes); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string name_;
};

}  // namespace kferry::replicate
