#include "tests/support/http_client.h"

#include <charconv>

#include <fmt/format.h>

#include "base/clock.h"

namespace kferry::test {
namespace {

constexpr Duration kPatience{10'000};
const StopFlag kNeverStopped{false};

// The value of "Content-Length: 12" or 0.
size_t content_length(const std::string& header) {
  const std::string name = "Content-Length: ";
  const size_t at = header.find(name);
  size_t length = 0;
  if (at != std::string::npos)
    std::from_chars(header.data() + at + name.size(), header.data() + header.size(), length);
  return length;
}

bool read_patiently(const Socket& socket, char* to, size_t size) {
  return is_readable(socket, kPatience) && read_exactly(socket, to, size, kNeverStopped);
}

}  // namespace

std::string http_request(const std::string& method, const std::string& target,
                         const std::string& body) {
  return fmt::format("{} {} HTTP/1.1\r\nHost: kferry\r\nContent-Length: {}\r\n\r\n{}", method,
                     target, body.size(), body);
}

std::optional<HttpAnswer> read_answer(const Socket& socket, bool has_body) {
  HttpAnswer answer;
  while (!answer.header.ends_with("\r\n\r\n")) {
    char byte = 0;
    if (!read_patiently(socket, &byte, 1)) return std::nullopt;
    answer.header += byte;
  }
  const size_t space = answer.header.find(' ');
  if (space == std::string::npos) return std::nullopt;
  std::from_chars(answer.header.data() + space + 1, answer.header.data() + answer.header.size(),
                  answer.status);
  answer.body.resize(has_body ? content_length(answer.header) : 0);
  if (!answer.body.empty() && !read_patiently(socket, answer.body.data(), answer.body.size()))
    return std::nullopt;
  return answer;
}

HttpAnswer ask(uint16_t port, const std::string& method, const std::string& target,
               const std::string& body) {
  const Socket socket = connect_to_loopback(port);
  if (!socket.is_open()) return {};
  if (!write_all(socket, http_request(method, target, body), kNeverStopped)) return {};
  return read_answer(socket, method != "HEAD").value_or(HttpAnswer());
}

bool gets_closed(const Socket& socket) {
  for (const Deadline deadline = Deadline::after(kPatience); !deadline.expired();) {
    char byte = 0;
    if (is_readable(socket, deadline.remaining()) && !read_exactly(socket, &byte, 1, kNeverStopped))
      return true;
  }
  return false;
}

}  // namespace kferry::test
