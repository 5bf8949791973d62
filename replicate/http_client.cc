#include "replicate/http_client.h"

#include <algorithm>
#include <exception>
#include <optional>

#include <fmt/format.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace kferry::replicate {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

struct Answer {
  unsigned status = 0;
  std::string body;
};

std::string to_string(const HttpUrl& url, const std::string& path) {
  const bool bracket = url.host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}{}{}", bracket ? "[" : "", url.host, bracket ? "]" : "",
                     url.port, url.path, path);
}

// Throws what goes wrong.
asio::awaitable<Answer> ask(asio::io_context& context, const HttpUrl& url, const std::string& path,
                            size_t most_bytes) {
  tcp::resolver resolver(context);
  const auto found = co_await resolver.async_resolve(url.host, url.port, asio::use_awaitable);
  beast::tcp_stream stream(context);
  co_await stream.async_connect(found, asio::use_awaitable);
  http::request<http::empty_body> request{http::verb::get, url.path + path, 11};
  request.set(http::field::host, fmt::format("{}:{}", url.host, url.port));
  request.set(http::field::user_agent, "kferry/" KFERRY_VERSION);
  request.set(http::field::connection, "close");
  co_await http::async_write(stream, request, asio::use_awaitable);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(most_bytes);
  co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
  auto response = parser.release();
  co_return Answer{response.result_int(), std::move(response.body())};
}

}  // namespace

Result<HttpUrl> parse_http_url(const std::string& text) {
  const auto malformed = [&](std::string_view what) {
    return fail(ErrorKind::kUsage, fmt::format("'{}': {}", text, what),
                "write it as http://HOST:PORT, e.g. http://127.0.0.1:9400");
  };
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return malformed("not an http:// address");
  const size_t slash = std::min(text.find('/', kScheme.size()), text.size());
  const std::string authority = text.substr(kScheme.size(), slash - kScheme.size());
  HttpUrl url{"", "80", text.substr(slash)};
  while (url.path.ends_with('/')) url.path.pop_back();
  const size_t bracket = authority.find(']');
  const size_t colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
  url.host = authority.substr(0, colon);
  if (colon != std::string::npos) url.port = authority.substr(colon + 1);
  if (url.host.starts_with('[') && url.host.ends_with(']'))
    url.host = url.host.substr(1, url.host.size() - 2);
  if (url.host.empty()) return malformed("no host");
  const bool number = !url.port.empty() && url.port.size() <= 5 &&
                      url.port.find_first_not_of("0123456789") == std::string::npos;
  if (!number) return malformed("the port is no number");
  if (text.find_first_of(" \t\r\n?#@") != std::string::npos)
    return malformed("a character that cannot be there");
  return url;
}

Result<std::string> http_get(const HttpUrl& url, const std::string& path, size_t most_bytes,
                             const Wait& wait) {
  const std::string doing = fmt::format("asking {}", to_string(url, path));
  constexpr std::chrono::milliseconds kSlice{100};
  asio::io_context context{1};
  std::optional<Answer> answer;
  std::exception_ptr trouble;
  asio::co_spawn(context, ask(context, url, path, most_bytes),
                 [&](std::exception_ptr thrown, Answer got) {
                   trouble = thrown;
                   if (!thrown) answer = std::move(got);
                 });
  while (!answer && !trouble) {
    KFERRY_CHECK(wait.stop().check(doing));
    if (wait.deadline().expired())
      return fail(ErrorKind::kUnreachable, fmt::format("{}: no answer in time", doing),
                  "is the mirror running, and is this its --listen address?");
    context.run_for(kSlice);
  }
  if (trouble) {
    try {
      std::rethrow_exception(trouble);
    } catch (const boost::system::system_error& error) {
      const bool too_large = error.code() == http::error::body_limit;
      return fail(too_large ? ErrorKind::kFailed : ErrorKind::kUnreachable,
                  fmt::format("{}: {}", doing, error.code().message()),
                  "is the mirror running, and is this its --listen address?");
    }
  }
  if (answer->status != 200)
    return fail(ErrorKind::kFailed, fmt::format("{}: status {}", doing, answer->status),
                "is it `kferry replicate` that listens there?");
  return std::move(answer->body);
}

}  // namespace kferry::replicate
