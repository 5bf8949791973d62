// Log lines for operators, on stderr, as text or as one JSON object a line. stdout belongs to
// results. Never pass a secret to it. Thread-safe.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace kferry::log {

enum class Format { kText, kJson };
enum class Level { kDebug, kInfo, kWarn, kError };

// A key and its value, e.g. {"group", "billing"}.
using Field = std::pair<std::string_view, std::string>;
using Fields = std::initializer_list<Field>;

// Defaults: text, kWarn.
void configure(Format format, Level level);

void debug(std::string_view message, Fields fields = {});
void info(std::string_view message, Fields fields = {});
void warn(std::string_view message, Fields fields = {});
void error(std::string_view message, Fields fields = {});

// `text` as a JSON string literal with its quotes (RFC 8259); bytes that are not UTF-8 are shown as
// \xNN.
std::string json_quote(std::string_view text);

}  // namespace kferry::log
