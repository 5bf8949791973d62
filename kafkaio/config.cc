#include "kafkaio/config.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "kafkaio/conf.h"
#include "kafkaio/jaas.h"

namespace kferry::kafkaio {
namespace {

using Properties = std::map<std::string, std::string>;

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Keys of a Java client.properties that only have another name in librdkafka.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kRenamed{{
    {"sasl.mechanism", "sasl.mechanisms"},
    // librdkafka has a request.timeout.ms too, but it is the producer's acknowledgement time-out.
    {"request.timeout.ms", "socket.timeout.ms"},
    {"ssl.truststore.certificates", "ssl.ca.pem"},
    {"ssl.keystore.certificate.chain", "ssl.certificate.pem"},
    {"ssl.keystore.key", "ssl.key.pem"},
}};

// Keys that are read together with another one, or that change nothing for us: librdkafka 2.0
// tries every address of a name anyway.
constexpr std::array<std::string_view, 6> kConsumedElsewhere{
    "ssl.truststore.location", "ssl.truststore.type",     "ssl.keystore.location",
    "ssl.keystore.type",       "ssl.truststore.password", "client.dns.lookup"};

class Translation {
 public:
  explicit Translation(const ClientProperties& client) : client_(client) {}

  Result<Properties> run() {
    for (const auto& [key, value] : client_.properties) KFERRY_CHECK(one(key, value));
    KFERRY_CHECK(trust_store());
    KFERRY_CHECK(key_store());
    if (!client_.bootstrap_servers.empty())
      result_["bootstrap.servers"] = client_.bootstrap_servers;
    if (client_.broker_version_fallback) {
      result_["api.version.request"] = "false";
      result_["broker.version.fallback"] = *client_.broker_version_fallback;
    }
    return std::move(result_);
  }

 private:
  std::unexpected<Error> wrong(std::string_view key, std::string_view how,
                               std::string hint = {}) const {
    return fail(ErrorKind::kUsage, fmt::format("{}: {}: {}", client_.origin, key, how),
                std::move(hint));
  }

  std::string value_of(const std::string& key) const {
    const auto found = client_.properties.find(key);
    return found == client_.properties.end() ? std::string() : found->second;
  }

  Result<> one(const std::string& key, const std::string& value) {
    if (std::ranges::find(kConsumedElsewhere, key) != kConsumedElsewhere.end()) return {};
    if (key == "sasl.jaas.config") {
      auto login = parse_jaas(value);
      if (!login) {
        login.error().message =
            fmt::format("{}: {}: {}", client_.origin, key, login.error().message);
        return std::unexpected(std::move(login).error());
      }
      result_["sasl.username"] = login->user;
      result_["sasl.password"] = login->password;
      return {};
    }
    if (key == "ssl.endpoint.identification.algorithm") {
      result_[key] = value.empty() ? "none" : lower_case(value);  // Java: empty switches it off
      return {};
    }
    if (key == "ssl.enabled.protocols" || key == "ssl.protocol")
      return wrong(key, "librdkafka cannot restrict TLS versions",
                   "leave it out; OpenSSL's configuration of this machine decides");
    const auto* const renamed = std::ranges::find(
        kRenamed, std::string_view(key), &std::pair<std::string_view, std::string_view>::first);
    result_[renamed == kRenamed.end() ? key : std::string(renamed->second)] = value;
    return {};
  }

  // What kind of store it is: its type, or else what its name ends in. Java's default is JKS.
  std::string store_type(const std::string& which) const {
    const std::string type = lower_case(value_of(which + ".type"));
    if (!type.empty()) return type;
    const std::string path = lower_case(value_of(which + ".location"));
    for (const char* const ending : {".pem", ".crt", ".cer"})
      if (path.ends_with(ending)) return "pem";
    for (const char* const ending : {".p12", ".pfx"})
      if (path.ends_with(ending)) return "pkcs12";
    return "jks";
  }

  Result<> trust_store() {
    const std::string path = value_of("ssl.truststore.location");
    if (path.empty()) return {};
    if (store_type("ssl.truststore") != "pem")
      return wrong("ssl.truststore.location", "only PEM trust stores can be read",
                   "convert it with `keytool -list -rfc -keystore STORE > ca.pem` and set "
                   "ssl.truststore.type=PEM, or give ssl.ca.location");
    result_["ssl.ca.location"] = path;
    return {};
  }

  Result<> key_store() {
    const std::string path = value_of("ssl.keystore.location");
    if (path.empty()) return {};
    const std::string type = store_type("ssl.keystore");
    if (type == "pkcs12") {
      result_["ssl.keystore.location"] = path;
    } else if (type == "pem") {  // one file with the key and the certificates
      result_["ssl.certificate.location"] = path;
      result_["ssl.key.location"] = path;
    } else {
      return wrong("ssl.keystore.location", "only PKCS12 and PEM key stores can be read",
                   "convert it with `keytool -importkeystore -srckeystore STORE -destkeystore "
                   "store.p12 -deststoretype PKCS12` and set ssl.keystore.type=PKCS12");
    }
    return {};
  }

  const ClientProperties& client_;
  Properties result_;
};

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

Result<Properties> to_librdkafka(const ClientProperties& client) {
  return Translation(client).run();
}

Result<ConfHandle> make_conf(const ClientProperties& client, const Properties& more) {
  KFERRY_TRY(Properties properties, to_librdkafka(client));
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
