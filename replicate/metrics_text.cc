#include "replicate/metrics_text.h"

#include <iterator>

#include <fmt/format.h>

#include "base/text.h"

namespace kferry::replicate {

std::string escape_label(std::string_view value) {
  const std::string readable = is_utf8(value) ? std::string(value) : escape_control(value);
  std::string escaped;
  for (const char c : readable) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n')
      escaped += "\\n";
    else
      escaped += c;
  }
  return escaped;
}

void MetricsText::family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help,
                 type == Type::kCounter ? "counter" : "gauge");
}

void MetricsText::sample(std::string_view labels, int64_t value) {
  text_ += name_;
  text_ += labels;
  text_ += ' ';
  const fmt::format_int digits(value);
  text_.append(digits.data(), digits.size());
  text_ += '\n';
}

void MetricsText::sample(std::string_view labels, double value) {
  fmt::format_to(std::back_inserter(text_), "{}{} {}\n", name_, labels, value);
}

}  // namespace kferry::replicate
