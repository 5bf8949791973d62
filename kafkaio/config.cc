#include "kafkaio/config.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "kafkaio/conf.h"

namespace kferry::kafkaio {
namespace {

using Properties = std::map<std::string, std::string>;

// Keys of a Java client.properties that only have another name in librdkafka.
constexpr std::array<std::pair<std::string_view, std::string_view>, 1> kRenamed{{
    // librdkafka has a request.timeout.ms too, but it is the producer's acknowledgement time-out.
    {"request.timeout.ms", "socket.timeout.ms"},
}};

// Keys that change nothing for us: librdkafka 2.0 tries every address of a name anyway, and ${...}
// is replaced without being asked to.
bool has_no_effect(std::string_view key) {
  return key == "client.dns.lookup" || key.starts_with("config.providers");
}

// What we want unless the user says otherwise.
Properties our_defaults() {
  return {{"client.id", "kferry"},
          {"reconnect.backoff.max.ms", "1000"},  // 10 s in librdkafka: too long to come back
          {"log.connection.close", "false"},
          {"socket.keepalive.enable", "true"}};
}

// The user's name for a key of librdkafka's.
std::string name_given(const ClientProperties& client, const std::string& key) {
  if (client.properties.contains(key)) return key;
  for (const auto& [java, native] : kRenamed)
    if (native == key && client.properties.contains(std::string(java))) return std::string(java);
  return key;
}

}  // namespace

Properties to_librdkafka(const ClientProperties& client) {
  Properties result;
  for (const auto& [key, value] : client.properties) {
    if (has_no_effect(key)) continue;
    const auto* const renamed = std::ranges::find(
        kRenamed, std::string_view(key), &std::pair<std::string_view, std::string_view>::first);
    result[renamed == kRenamed.end() ? key : std::string(renamed->second)] = value;
  }
  if (!client.bootstrap_servers.empty()) result["bootstrap.servers"] = client.bootstrap_servers;
  if (client.broker_version_fallback) {
    result["api.version.request"] = "false";
    result["broker.version.fallback"] = *client.broker_version_fallback;
  }
  return result;
}

Result<ConfHandle> make_conf(const ClientProperties& client, const Properties& more) {
  Properties properties = to_librdkafka(client);
  for (const auto& [key, value] : more) properties[key] = value;
  properties.merge(our_defaults());  // keeps what is there
  ConfHandle conf(rd_kafka_conf_new());
  for (const auto& [key, value] : properties) {
    // librdkafka's own text is left out: it repeats the value.
    std::array<char, 512> ignored{};
    const auto outcome =
        rd_kafka_conf_set(conf.get(), key.c_str(), value.c_str(), ignored.data(), ignored.size());
    if (outcome == RD_KAFKA_CONF_OK) continue;
    const std::string name = name_given(client, key);
    if (outcome == RD_KAFKA_CONF_UNKNOWN)
      return fail(ErrorKind::kUsage, fmt::format("{}: unknown property {}", client.origin, name),
                  "kferry takes librdkafka's properties and those of a Java client.properties");
    return fail(ErrorKind::kUsage, fmt::format("{}: {} has a value that librdkafka does not take",
                                               client.origin, name));
  }
  if (!properties.contains("bootstrap.servers") && !properties.contains("test.mock.num.brokers"))
    return fail(ErrorKind::kUsage, fmt::format("{}: no bootstrap.servers", client.origin),
                "name the brokers: HOST:PORT,HOST:PORT");
  return conf;
}

Result<> check(const ClientProperties& client) {
  KFERRY_CHECK(make_conf(client, {}));
  return {};
}

}  // namespace kferry::kafkaio
