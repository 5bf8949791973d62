// Errors as values. `Result<T>` is for everything a caller can act on; exceptions are left to
// broken invariants and are caught once, in cli/.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace kferry {

// What kind of trouble it is; cli/exit_code.h maps each kind to one exit code.
enum class ErrorKind {
  kFailed,         // the work itself failed; the message says how
  kUsage,          // an argument, a configuration file or an input file is wrong
  kRefused,        // kferry could go on but must not: live consumers, drift, policy
  kUnreachable,    // a broker or ZooKeeper cannot be reached, or went away
  kNotAuthorised,  // the cluster or ZooKeeper denies us something
  kPartlyDone,     // some of the work is done and journalled; `--resume` finishes it
  kInterrupted,    // SIGINT or SIGTERM
};

// "failed", "usage", ... as used in JSON error objects.
std::string_view to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::kFailed;
  std::string message;  // what was being done, to what, and what the other side said
  std::string hint;     // what to do next; may be empty
  int kafka_code = 0;   // the Kafka error code behind it, 0 when there is none
};

// `context: error.message`; kind, hint and code are kept.
Error in_context(Error error, std::string_view context);

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string message, std::string hint = {}) {
  return std::unexpected(Error{kind, std::move(message), std::move(hint), 0});
}

}  // namespace kferry

#define KFERRY_CONCAT_(a, b) a##b
#define KFERRY_CONCAT(a, b) KFERRY_CONCAT_(a, b)

// KFERRY_TRY(auto x, f()): declares x with f()'s value or returns f()'s error.
#define KFERRY_TRY(declaration, ...)                                                    \
  auto KFERRY_CONCAT(kferry_result_, __LINE__) = (__VA_ARGS__);                         \
  if (!KFERRY_CONCAT(kferry_result_, __LINE__))                                         \
    return std::unexpected(std::move(KFERRY_CONCAT(kferry_result_, __LINE__)).error()); \
  declaration = std::move(*KFERRY_CONCAT(kferry_result_, __LINE__))

// KFERRY_CHECK(f()): returns f()'s error, if any; f() has no value of interest.
#define KFERRY_CHECK(...)                                        \
  do {                                                           \
    if (auto kferry_checked = (__VA_ARGS__); !kferry_checked)    \
      return std::unexpected(std::move(kferry_checked).error()); \
  } while (false)
