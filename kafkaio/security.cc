#include "kafkaio/security.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include <fmt/format.h>

#include "base/small_file.h"
#include "kafkaio/jaas.h"
#include "kafkaio/msk_iam_settings.h"
#include "kafkaio/store_kind.h"
#include "kafkaio/token_settings.h"

namespace kferry::kafkaio {
namespace {

using Properties = std::map<std::string, std::string>;

std::string upper_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// Settings that do something when security.protocol asks for them.
constexpr std::array<std::string_view, 47> kKnown{
    "enable.ssl.certificate.verification",
    "https.ca.location",
    "https.ca.pem",
    "kferry.aws.region",
    "kferry.sasl.oauthbearer.token.command",
    "sasl.client.callback.handler.class",
    "sasl.jaas.config",
    "sasl.kerberos.keytab",
    "sasl.kerberos.principal",
    "sasl.kerberos.service.name",
    "sasl.login.callback.handler.class",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.extensions",
    "sasl.oauthbearer.grant.type",
    "sasl.oauthbearer.header.urlencode",
    "sasl.oauthbearer.jwt.retriever.class",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.password",
    "sasl.username",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.cipher.suites",
    "ssl.crl.location",
    "ssl.enabled.protocols",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.protocol",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type"};

// Those that change nothing for us: where Java's own classes are, how tickets are renewed, and how
// long Java waits for a token: we wait as long as for a broker, and 10 s at most.
constexpr std::array<std::string_view, 19> kWithoutEffect{
    "sasl.kerberos.kinit.cmd",
    "sasl.kerberos.min.time.before.relogin",
    "sasl.kerberos.ticket.renew.jitter",
    "sasl.kerberos.ticket.renew.window.factor",
    "sasl.login.class",
    "sasl.login.connect.timeout.ms",
    "sasl.login.read.timeout.ms",
    "sasl.login.refresh.buffer.seconds",
    "sasl.login.refresh.min.period.seconds",
    "sasl.login.refresh.window.factor",
    "sasl.login.refresh.window.jitter",
    "sasl.login.retry.backoff.max.ms",
    "sasl.login.retry.backoff.ms",
    "sasl.oauthbearer.jwt.validator.class",
    "security.providers",
    "ssl.keymanager.algorithm",
    "ssl.provider",
    "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm"};

bool is_in(const auto& keys, std::string_view key) {
  return std::ranges::find(keys, key) != keys.end();
}

class Taker {
 public:
  Taker(Properties& properties, const std::string& origin)
      : properties_(properties), origin_(origin) {}

  Result<ClientSecurity> run() {
    const std::string protocol = upper_case(take("security.protocol", "PLAINTEXT"));
    constexpr std::array<std::string_view, 4> kProtocols{"PLAINTEXT", "SSL", "SASL_PLAINTEXT",
                                                         "SASL_SSL"};
    if (std::ranges::find(kProtocols, protocol) == kProtocols.end())
      return wrong("security.protocol", "takes PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL");
    ClientSecurity security;
    if (protocol.ends_with("SSL")) {
      KFERRY_TRY(security.tls, take_tls());
    }
    if (protocol.starts_with("SASL")) {
      KFERRY_TRY(security.sasl, take_sasl());
    }
    KFERRY_CHECK(look_at_the_rest());
    return security;
  }

 private:
  std::unexpected<Error> wrong(std::string_view key, std::string_view how,
                               std::string hint = {}) const {
    return fail(ErrorKind::kUsage, fmt::format("{}: {}: {}", origin_, key, how), std::move(hint));
  }

  std::string take(const std::string& key, std::string otherwise = {}) {
    const auto found = properties_.extract(key);
    return found.empty() ? std::move(otherwise) : std::move(found.mapped());
  }
  // The first of two names for the same that is given.
  std::string take_either(const std::string& one, const std::string& other) {
    std::string first = take(one);
    std::string second = take(other);
    return first.empty() ? std::move(second) : std::move(first);
  }

  Result<StoreKind> look_into(const std::string& key, const std::string& path,
                              const std::string& type) const {
    if (!type.empty() && type != "JKS" && type != "PKCS12" && type != "PEM")
      return wrong(key, "stores of this type cannot be read", "use PKCS12 or PEM");
    auto kind = kind_of_store(path);
    if (!kind) return wrong(key, kind.error().message, kind.error().hint);
    return kind;
  }

  Result<> take_trust(TlsSettings& tls) {
    const std::string key = "ssl.truststore.location";
    const std::string path = take(key);
    const std::string type = upper_case(take("ssl.truststore.type"));
    const std::string password = take("ssl.truststore.password");
    tls.ca_location = take("ssl.ca.location");
    tls.ca_pem = take_either("ssl.truststore.certificates", "ssl.ca.pem");
    tls.crl_location = take("ssl.crl.location");
    if (tls.ca_location == "probe") tls.ca_location.clear();
    if (path.empty()) return {};
    KFERRY_TRY(const StoreKind kind, look_into(key, path, type));
    if (kind == StoreKind::kPem) {
      tls.ca_location = path;
    } else {
      tls.trust_store = path;
      tls.trust_store_password = password;
    }
    return {};
  }

  Result<> take_identity(TlsSettings& tls) {
    const std::string key = "ssl.keystore.location";
    const std::string path = take(key);
    const std::string type = upper_case(take("ssl.keystore.type"));
    const std::string password = take("ssl.keystore.password");
    tls.certificate_location = take("ssl.certificate.location");
    tls.certificate_pem = take_either("ssl.keystore.certificate.chain", "ssl.certificate.pem");
    tls.key_location = take("ssl.key.location");
    tls.key_pem = take_either("ssl.keystore.key", "ssl.key.pem");
    tls.key_password = take("ssl.key.password");
    if (path.empty()) return {};
    KFERRY_TRY(const StoreKind kind, look_into(key, path, type));
    if (kind == StoreKind::kPem) {  // one file with the key and the certificates
      tls.certificate_location = tls.key_location = path;
    } else {
      tls.key_store = path;
      tls.key_store_password = password.empty() ? tls.key_password : password;
    }
    return {};
  }

  Result<TlsSettings> take_tls() {
    TlsSettings tls;
    KFERRY_CHECK(take_trust(tls));
    KFERRY_CHECK(take_identity(tls));
    tls.cipher_suites = take("ssl.cipher.suites");
    const std::string verify = upper_case(take("enable.ssl.certificate.verification", "true"));
    if (verify != "TRUE" && verify != "FALSE")
      return wrong("enable.ssl.certificate.verification", "takes true or false");
    tls.verify_certificate = verify == "TRUE";
    // Java: empty switches it off; librdkafka: "none" does.
    const std::string check = upper_case(take("ssl.endpoint.identification.algorithm", "https"));
    if (check != "HTTPS" && check != "NONE" && !check.empty())
      return wrong("ssl.endpoint.identification.algorithm", "takes https, or nothing for no check");
    tls.verify_host = check == "HTTPS" && tls.verify_certificate;
    for (const char* const key : {"ssl.protocol", "ssl.enabled.protocols"}) {
      const std::string versions = upper_case(take(key));
      if (!versions.empty() && versions != "TLS" && versions.find("TLSV1.2") == versions.npos &&
          versions.find("TLSV1.3") == versions.npos)
        return wrong(key, "neither TLSv1.2 nor TLSv1.3 is among them",
                     "kferry speaks those versions that OpenSSL's configuration of this machine "
                     "allows");
    }
    return tls;
  }

  Result<SaslMechanism> take_mechanism() {
    const std::string name = upper_case(take_either("sasl.mechanism", "sasl.mechanisms"));
    msk_iam_ = take_msk_iam_classes(properties_, name);
    constexpr std::array<std::pair<std::string_view, SaslMechanism>, 7> kMechanisms{
        {{"PLAIN", SaslMechanism::kPlain},
         {"SCRAM-SHA-256", SaslMechanism::kScramSha256},
         {"SCRAM-SHA-512", SaslMechanism::kScramSha512},
         {"GSSAPI", SaslMechanism::kGssapi},
         {"OAUTHBEARER", SaslMechanism::kOauthBearer},
         {"AWS_MSK_IAM", SaslMechanism::kOauthBearer},
         {"", SaslMechanism::kGssapi}}};  // Kafka's default
    for (const auto& [known, mechanism] : kMechanisms)
      if (name == known) return mechanism;
    return wrong("sasl.mechanism",
                 "takes PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, GSSAPI, OAUTHBEARER or AWS_MSK_IAM");
  }

  Result<SaslSettings> take_sasl() {
    SaslSettings sasl;
    KFERRY_TRY(sasl.mechanism, take_mechanism());
    sasl.user = take(sasl.mechanism == SaslMechanism::kGssapi ? "sasl.kerberos.principal"
                                                              : "sasl.username");
    sasl.password = take("sasl.password");
    const std::string service = take("sasl.kerberos.service.name");
    if (!service.empty()) sasl.service_name = service;
    sasl.keytab = take("sasl.kerberos.keytab");
    Login login;
    if (const std::string jaas = take("sasl.jaas.config"); !jaas.empty()) {
      KFERRY_TRY(login, read_login(jaas, sasl, service.empty()));
    }
    if (msk_iam_) {
      KFERRY_TRY(sasl.token.msk_iam, take_msk_iam(properties_, login, origin_));
    } else if (sasl.mechanism == SaslMechanism::kOauthBearer) {
      KFERRY_TRY(sasl.token, take_token_source(properties_, login, origin_));
    } else if (sasl.mechanism != SaslMechanism::kGssapi && sasl.user.empty()) {
      return wrong("sasl.jaas.config", "there is no user to log in as",
                   "give username and password in it, or sasl.username and sasl.password");
    }
    return sasl;
  }

  Result<Login> read_login(const std::string& jaas, SaslSettings& sasl, bool with_service) {
    auto login = parse_jaas(jaas);
    if (!login) return wrong("sasl.jaas.config", login.error().message, login.error().hint);
    if (sasl.mechanism != SaslMechanism::kGssapi) sasl.user = login->user;
    if (!login->principal.empty()) sasl.user = login->principal;
    sasl.password = login->password;
    if (login->options.contains("ticketCache"))
      return wrong("sasl.jaas.config", "it has the option ticketCache",
                   "leave it out, and name the cache in the environment: KRB5CCNAME=FILE");
    if (with_service && !login->service_name.empty()) sasl.service_name = login->service_name;
    if (sasl.keytab.empty()) sasl.keytab = login->keytab;
    return login;
  }

  // What no setting above has taken.
  Result<> look_at_the_rest() {
    for (auto it = properties_.begin(); it != properties_.end();) {
      const std::string& key = it->first;
      const bool about_security =
          std::ranges::any_of(std::array{"ssl.", "sasl.", "security.", "enable.ssl.",
                                         "enable.sasl.", "https.", "kferry."},
                              [&](std::string_view start) { return key.starts_with(start); });
      if (!about_security) {
        ++it;
        continue;
      }
      KFERRY_CHECK(check_left(key, it->second));
      it = properties_.erase(it);
    }
    return {};
  }

  // A known key that was left is one that security.protocol does not ask for.
  Result<> check_left(const std::string& key, const std::string& value) const {
    if (value.empty() || is_in(kWithoutEffect, key)) return {};
    const bool is_known = is_in(kKnown, key);
    if (is_known && (!key.ends_with(".class") || is_known_class(value))) return {};
    if (key.ends_with(".class"))
      return wrong(key, "kferry cannot run a Java class",
                   "where tokens may come from: docs/security.md");
    return fail(ErrorKind::kUsage, fmt::format("{}: unknown property {}", origin_, key),
                "docs/security.md has those that kferry's own connections know");
  }

  // Classes that do what we do, too.
  static bool is_known_class(std::string_view name) {
    return name.starts_with("org.apache.kafka.common.security.oauthbearer.") &&
           name.find("JwtBearer") == name.npos;
  }

  Properties& properties_;
  const std::string& origin_;
  bool msk_iam_ = false;
};

// It names a keytab, and has no secret itself.
bool is_kerberos(std::string_view jaas) {
  return jaas.find(".Krb5LoginModule ") != jaas.npos;
}

// Files whose content lets in whoever has it. A key that has a password is of no use without.
void warn_of_open_files(const ClientSecurity& security) {
  if (security.tls && security.tls->key_password.empty())
    warn_if_others_may_read(security.tls->key_location);
  if (!security.sasl) return;
  warn_if_others_may_read(security.sasl->keytab);
  warn_if_others_may_read(security.sasl->token.file);
}

}  // namespace

Result<ClientSecurity> take_security(Properties& properties, const std::string& origin) {
  auto security = Taker(properties, origin).run();
  if (security) warn_of_open_files(*security);
  return security;
}

bool has_plain_secret(const Properties& properties) {
  return std::ranges::any_of(properties, [](const auto& property) {
    const auto& [key, value] = property;
    const bool secret = key.ends_with("password") || key.ends_with("client.secret") ||
                        (key.ends_with("sasl.jaas.config") && !is_kerberos(value)) ||
                        key.ends_with("ssl.key.pem") || key.ends_with("ssl.keystore.key");
    return secret && !value.empty() && value.find("${") == value.npos;
  });
}

}  // namespace kferry::kafkaio
