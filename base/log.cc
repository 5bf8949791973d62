#include "base/log.h"

#include <atomic>
#include <memory>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/text.h"

namespace kferry::log {
namespace {

std::atomic<Format> current_format{Format::kText};

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = spdlog::stderr_logger_mt("kferry");
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %L %v");
    made->set_level(spdlog::level::warn);
    return made;
  }();
  return *instance;
}

std::string_view json_level(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warn";
    default:
      return "error";
  }
}

void write(spdlog::level::level_enum level, std::string_view message, Fields fields) {
  if (!logger().should_log(level)) return;
  std::string line;
  if (current_format.load() == Format::kJson) {
    line = fmt::format(R"("level":"{}","message":{})", json_level(level), json_quote(message));
    for (const auto& [key, value] : fields)
      line += fmt::format(",{}:{}", json_quote(key), json_quote(value));
    line += '}';
  } else {
    line = message;
    for (const auto& [key, value] : fields) line += fmt::format(" {}={}", key, value);
  }
  logger().log(level, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

void configure(Format format, Level level) {
  current_format.store(format);
  logger().set_pattern(format == Format::kJson ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z",%v)"
                                               : "%Y-%m-%dT%H:%M:%S.%e%z %L %v");
  switch (level) {
    case Level::kDebug:
      logger().set_level(spdlog::level::debug);
      break;
    case Level::kInfo:
      logger().set_level(spdlog::level::info);
      break;
    case Level::kWarn:
      logger().set_level(spdlog::level::warn);
      break;
    case Level::kError:
      logger().set_level(spdlog::level::err);
      break;
  }
}

void debug(std::string_view message, Fields fields) {
  write(spdlog::level::debug, message, fields);
}
void info(std::string_view message, Fields fields) {
  write(spdlog::level::info, message, fields);
}
void warn(std::string_view message, Fields fields) {
  write(spdlog::level::warn, message, fields);
}
void error(std::string_view message, Fields fields) {
  write(spdlog::level::err, message, fields);
}

std::string json_quote(std::string_view text) {
  if (!is_utf8(text)) return json_quote(escape_control(text));
  std::string quoted = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        quoted += "\\\"";
        break;
      case '\\':
        quoted += "\\\\";
        break;
      case '\n':
        quoted += "\\n";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\t':
        quoted += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
          quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace kferry::log
