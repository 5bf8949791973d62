#include "base/result.h"

#include <fmt/format.h>

namespace kferry {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kFailed:
      return "failed";
    case ErrorKind::kUsage:
      return "usage";
    case ErrorKind::kRefused:
      return "refused";
    case ErrorKind::kUnreachable:
      return "unreachable";
    case ErrorKind::kNotAuthorised:
      return "not_authorised";
    case ErrorKind::kPartlyDone:
      return "partly_done";
    case ErrorKind::kInterrupted:
      return "interrupted";
  }
  return "failed";
}

Error in_context(Error error, std::string_view context) {
  error.message = fmt::format("{}: {}", context, error.message);
  return error;
}

}  // namespace kferry
