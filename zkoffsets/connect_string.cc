#include "zkoffsets/connect_string.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "zkoffsets/text.h"
#include "zkoffsets/zk_client.h"

namespace kferry::zkoffsets {
namespace {

constexpr size_t kLongestShown = 200;

std::unexpected<Error> wrong(const std::string& connect, std::string_view why) {
  return fail(
      ErrorKind::kUsage,
      fmt::format("ZooKeeper connect string \"{}\": {}", printable(connect, kLongestShown), why),
      "write it as Kafka's zookeeper.connect: host:port,host:port/chroot");
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool is_host(std::string_view host) {
  return !host.empty() && host.front() != '-' && std::ranges::all_of(host, is_host_character);
}

// What stands between the brackets of "[::1]:2181".
bool is_ipv6(std::string_view host) {
  return host.find(':') != std::string_view::npos && std::ranges::all_of(host, [](char c) {
           return is_host_character(c) || c == ':' || c == '%';
         });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// "host", "host:port", "[v6]" or "[v6]:port"; nullopt: something else.
std::optional<ZkServer> parse_server(std::string_view text) {
  ZkServer server;
  std::string_view rest;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos || !is_ipv6(text.substr(1, end - 1))) return std::nullopt;
    server.host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else {
    const size_t colon = std::min(text.find(':'), text.size());
    if (!is_host(text.substr(0, colon))) return std::nullopt;
    server.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (rest.empty()) return server;  // ZooKeeper's Java client, and so Kafka, takes 2181
  const std::optional<int32_t> port = parse_node_number(rest.substr(1));
  if (rest.front() != ':' || !port || *port < 1 || *port > 65535) return std::nullopt;
  server.port = static_cast<uint16_t>(*port);
  return server;
}

// Why `chroot`, which begins with '/', is none; empty: it is one.
std::string_view fault_of_chroot(std::string_view chroot) {
  if (chroot.find(',') != std::string_view::npos)
    return "the chroot comes once, after the last server (a:2181,b:2181/kafka)";
  if (chroot.ends_with('/')) return "it must not end in \"/\"";
  for (const std::string_view name : split(chroot.substr(1), '/'))
    if (!is_node_name(name)) return "the chroot holds an empty name, \".\" or \"..\"";
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
  if (std::ranges::any_of(chroot, is_control)) return "the chroot holds a control character";
  return {};
}

}  // namespace

Result<ConnectString> parse_connect_string(const std::string& connect) {
  if (connect.empty()) return wrong(connect, "it is empty");
  const size_t slash = std::min(connect.find('/'), connect.size());
  ConnectString parsed;
  parsed.chroot = connect.substr(slash);
  for (const std::string_view part : split(std::string_view(connect).substr(0, slash), ',')) {
    const std::optional<ZkServer> server = parse_server(trim(part));
    if (!server)
      return wrong(connect, fmt::format("\"{}\" is no host:port with a port from 1 to 65535",
                                        printable(part, kLongestShown)));
    parsed.servers.push_back(*server);
  }
  if (!parsed.chroot.empty())
    if (const std::string_view fault = fault_of_chroot(parsed.chroot); !fault.empty())
      return wrong(connect, fault);
  return parsed;
}

Result<> check_connect_string(const std::string& connect) {
  KFERRY_CHECK(parse_connect_string(connect));
  return {};
}

Result<ZkLogin> parse_zk_login(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size() ||
      text.find_first_of("\r\n") != std::string::npos || text.find('\0') != std::string::npos)
    return fail(ErrorKind::kUsage, "ZooKeeper's login is not of the form user:password",
                "write it on one line, as for `addauth digest` of zkCli.sh");
  return ZkLogin{text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace kferry::zkoffsets
