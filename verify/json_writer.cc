#include "verify/json_writer.h"

#include <nlohmann/json.hpp>

namespace kferry::verify {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;

bool needs_no_escape(std::string_view text) {
  for (const char c : text)
    if (c < 0x20 || c > 0x7E || c == '"' || c == '\\') return false;
  return true;
}

}  // namespace

void JsonWriter::begin(char open, bool one_line) {
  separate();
  buffer_ += open;
  const bool inside_line = !levels_.empty() && levels_.back().one_line;
  levels_.push_back({open == '{' ? '}' : ']', one_line || inside_line});
}

void JsonWriter::end() {
  const Level level = levels_.back();
  levels_.pop_back();
  if (!level.empty && !level.one_line) new_line(levels_.size());
  buffer_ += level.close;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  quote(name);
  buffer_ += ": ";
  after_key_ = true;
  return *this;
}

void JsonWriter::value(std::string_view text) {
  separate();
  quote(text);
}

void JsonWriter::quote(std::string_view text) {
  if (needs_no_escape(text)) {
    buffer_ += '"';
    buffer_ += text;
    buffer_ += '"';
  } else {
    const nlohmann::json json(text);
    buffer_ += json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
}

void JsonWriter::literal(std::string_view text) {
  separate();
  buffer_ += text;
}

void JsonWriter::separate() {
  if (std::exchange(after_key_, false) || levels_.empty()) return;
  Level& level = levels_.back();
  if (!std::exchange(level.empty, false)) buffer_ += level.one_line ? ", " : ",";
  if (!level.one_line) new_line(levels_.size());
}

void JsonWriter::new_line(size_t depth) {
  if (buffer_.size() >= kBufferBytes) {
    sink_(buffer_);
    buffer_.clear();
  }
  buffer_ += '\n';
  buffer_.append(2 * depth, ' ');
}

void JsonWriter::finish() {
  buffer_ += '\n';
  sink_(buffer_);
  buffer_.clear();
}

}  // namespace kferry::verify
