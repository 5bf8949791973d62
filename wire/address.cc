#include "wire/address.h"

#include <charconv>

#include <fmt/format.h>

namespace kferry::wire {
namespace {

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

Result<Address> parse_one(const std::string& text) {
  const auto malformed = [&](std::string_view what) {
    return fail(ErrorKind::kUsage, fmt::format("bootstrap server '{}': {}", text, what),
                "write it as HOST:PORT, several separated by commas");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return malformed("no port");
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    return malformed("an IPv6 address goes into brackets");
  if (host.empty() || host == "[]") return malformed("no host");
  if (host.find(' ') != std::string::npos) return malformed("a space in the host");
  int port = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc() || rest != end || port < 1 || port > 65535)
    return malformed("the port is a number from 1 to 65535");
  return Address{std::move(host), static_cast<uint16_t>(port)};
}

}  // namespace

std::string to_string(const Address& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", ipv6 ? "[" : "", address.host, ipv6 ? "]" : "", address.port);
}

Result<std::vector<Address>> parse_bootstrap_servers(const std::string& text) {
  std::vector<Address> addresses;
  size_t begin = 0;
  while (true) {
    const size_t comma = text.find(',', begin);
    KFERRY_TRY(Address address, parse_one(trimmed(text.substr(begin, comma - begin))));
    addresses.push_back(std::move(address));
    if (comma == std::string::npos) return addresses;
    begin = comma + 1;
  }
}

}  // namespace kferry::wire
