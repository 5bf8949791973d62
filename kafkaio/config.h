// What librdkafka is configured with: a Java client.properties file, or librdkafka's own keys.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/interrupt.h"
#include "base/result.h"

namespace kferry::kafkaio {

// Connects to a broker (HOST:PORT) and logs in, and then carries bytes both ways between it and the
// socket `descriptor`, until one of them ends or a stop is requested; closes the socket in any
// case. The error is that of connecting. Called by several threads at once.
using Carrier =
    std::function<Result<>(const std::string& broker, int descriptor, const StopToken& stop)>;

struct ClientProperties {
  std::string bootstrap_servers;  // takes precedence over the property `bootstrap.servers`
  // Java's keys or librdkafka's, but for those about security, which take_security() has taken
  // out. Values may be secrets: no error and no log line carries one.
  std::map<std::string, std::string> properties = {};
  // For brokers before 0.10, which close the connection instead of saying what they speak: their
  // version, such as "0.9.0.1".
  std::optional<std::string> broker_version_fallback = {};
  // How librdkafka gets to brokers that want TLS or a login; empty: it connects by itself.
  Carrier carrier = {};
  std::string origin = "the client properties";  // where the properties come from, for messages
};

// The text of a Java properties file (java.util.Properties.load): comments with # and !, the
// separators '=', ':' and white space, continued lines, \uXXXX. The last of equal keys counts.
// Bytes are taken as UTF-8. kUsage with the line number.
Result<std::map<std::string, std::string>> parse_properties(std::string_view text);

// The same settings under librdkafka's keys. Keys that are not Java's pass unchanged; check() knows
// whether librdkafka has them.
std::map<std::string, std::string> to_librdkafka(const ClientProperties& client);

// Whether librdkafka takes these properties, without any I/O. kUsage with the key.
Result<> check(const ClientProperties& client);

}  // namespace kferry::kafkaio
