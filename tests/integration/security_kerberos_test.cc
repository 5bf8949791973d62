// Logins by Kerberos (GSSAPI): a real KDC, and real brokers that want its tickets.
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/security_fixture.h"
#include "tests/support/sockets.h"

namespace kferry::security {
namespace {

using trouble::contains;

constexpr int kUsage = 2;
constexpr int kUnreachable = 5;
constexpr int kNotAuthorised = 7;

// The users `app` and `brief`, whose tickets live a second; the listener KERBEROS is the service
// `kafka`, KERBEROS_SSL the service `stream`.
class KerberosOnBrokers : public SecurityOnBrokers {
 protected:
  static void SetUpTestSuite() {
    start("--kerberos");
    setenv("KRB5_CONFIG", kdc_file("krb5.conf").c_str(), 1);
  }
  static void TearDownTestSuite() {
    unsetenv("KRB5_CONFIG");
    SecurityOnBrokers::TearDownTestSuite();
  }
  void TearDown() override { unsetenv("KRB5CCNAME"); }

  static std::string kdc_file(const std::string& name) {
    return (clusters().dir() / "kerberos" / name).string();
  }
  static std::string keytab(const std::string& user) { return kdc_file(user + ".keytab"); }

  // From here on the user has this ticket, and no other.
  static void get_ticket(const std::string& user) {
    const std::string cache = file("tickets-" + user);
    setenv("KRB5CCNAME", cache.c_str(), 1);
    const auto done = testenv::run_process({"kinit", "-k", "-t", keytab(user), user});
    ASSERT_EQ(done.exit_code, 0) << done.err;
  }

  static std::string java_client(const std::string& user, const std::string& keytab_file,
                                 const std::string& service = "stream") {
    return properties(fmt::format(
        "security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI\nsasl.kerberos.service.name={}\n"
        "ssl.truststore.type=PEM\nssl.truststore.location={}\n"
        "sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true "
        "storeKey=true keyTab=\"{}\" principal=\"{}@KFERRY.TEST\";\n",
        service, pem("ca.pem"), keytab_file, user));
  }
  static std::string librdkafka_client(const std::string& more = {}) {
    return properties("security.protocol=sasl_plaintext\nsasl.mechanisms=GSSAPI\n" + more);
  }
  // A krb5.conf whose KDC is at this port.
  static std::string realm_at(int port) {
    const std::string name = fmt::format("krb5-{}.conf", port);
    return private_file(name,
                        fmt::format("[libdefaults]\n default_realm = KFERRY.TEST\n"
                                    " dns_lookup_kdc = false\n udp_preference_limit = 1\n"
                                    "[realms]\n KFERRY.TEST = {{\n  kdc = 127.0.0.1:{}\n }}\n",
                                    port));
  }
};

// Whoever has a ticket in the cache: the keytab counts, each cluster's own.
TEST_F(KerberosOnBrokers, ByTheKeysOfAJavaClientOverTls) {
  get_ticket("brief");
  migrate_and_replicate("ssl", "KERBEROS_SSL", java_client("app", keytab("app")),
                        java_client("kafka/localhost", keytab("kafka")));
}

TEST_F(KerberosOnBrokers, ByTheKeysOfLibrdkafka) {
  migrate_and_replicate("plain", "KERBEROS",
                        librdkafka_client(fmt::format("sasl.kerberos.service.name=kafka\n"
                                                      "sasl.kerberos.keytab={}\n",
                                                      keytab("app"))));
  EXPECT_FALSE(std::filesystem::exists(kdc_file("tickets"))) << "the user's cache is left alone";
}

TEST_F(KerberosOnBrokers, ByATicketOfTheCache) {
  get_ticket("app");
  migrate_and_replicate("token", "KERBEROS", librdkafka_client());
  migrate_and_replicate("scram", "KERBEROS", librdkafka_client("sasl.kerberos.principal=app\n"));
}

TEST_F(KerberosOnBrokers, LoginsAreRenewedWhileRecordsFlow) {
  renew_while_records_flow("KERBEROS", librdkafka_client("sasl.kerberos.keytab=" + keytab("app")));
}

TEST_F(KerberosOnBrokers, WhatFailsIsNamed) {
  struct Case {
    const char* what;
    std::string listener;
    std::string client;
    std::map<std::string, std::string> environment;
    int exit_code;
    std::vector<std::string> says;
  };
  const std::string source = listener("source", "KERBEROS");
  const std::string over_tls = listener("source", "KERBEROS_SSL");
  const std::string with_keytab = librdkafka_client("sasl.kerberos.keytab=" + keytab("app"));
  const auto by_address = [](std::string address) {
    return address.replace(0, address.find(':'), "127.0.0.1");
  };
  const test::Socket silent = test::listen_on_loopback();  // the kernel accepts for it
  get_ticket("brief");
  const std::string expired = std::getenv("KRB5CCNAME");
  unsetenv("KRB5CCNAME");
  std::this_thread::sleep_for(std::chrono::milliseconds(1'500));
  const std::vector<Case> cases{
      {"no ticket",
       source,
       librdkafka_client(),
       {},
       kNotAuthorised,
       {"No Kerberos credentials available", "kinit"}},
      {"expired",
       source,
       librdkafka_client(),
       {{"KRB5CCNAME", expired}},
       kNotAuthorised,
       {"expired", "get a new ticket"}},
      {"expired, principal",
       source,
       librdkafka_client("sasl.kerberos.principal=brief\n"),
       {{"KRB5CCNAME", expired}},
       kNotAuthorised,
       {"expired", "get a new ticket"}},
      {"unknown principal",
       over_tls,
       java_client("nobody", keytab("app")),
       {},
       kNotAuthorised,
       {"logging in by GSSAPI as 'nobody@KFERRY.TEST'", "has no key of nobody@KFERRY.TEST",
        "klist -k"}},
      {"no keytab",
       over_tls,
       java_client("app", "/nowhere/app.keytab"),
       {},
       kNotAuthorised,
       {"the keytab '/nowhere/app.keytab' cannot be read"}},
      {"no such service",
       over_tls,
       java_client("app", keytab("app"), "nothing"),
       {},
       kNotAuthorised,
       {"Server", "not found in Kerberos database", "sasl.kerberos.service.name"}},
      {"another service",
       over_tls,
       java_client("app", keytab("app"), "kafka"),
       {},
       kNotAuthorised,
       {"SASL_AUTHENTICATION_FAILED", "sasl.kerberos.service.name"}},
      {"another host",
       by_address(source),
       with_keytab,
       {},
       kNotAuthorised,
       {"Server", "not found in Kerberos database", "host name"}},
      {"no KDC",
       source,
       with_keytab,
       {{"KRB5_CONFIG", realm_at(1)}},
       kUnreachable,
       {"Cannot contact any KDC for realm 'KFERRY.TEST'", "krb5.conf"}},
      {"a KDC that says nothing",
       source,
       with_keytab,
       {{"KRB5_CONFIG", realm_at(test::port_of(silent))}},
       kUnreachable,
       {"Cannot contact any KDC for realm 'KFERRY.TEST'", "krb5.conf"}},
      {"a cache by JAAS",
       source,
       librdkafka_client("sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required "
                         "useTicketCache=true ticketCache=\"/tmp/x\";\n"),
       {},
       kUsage,
       {"KRB5CCNAME"}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    const test::Stopwatch watch;
    const ProcessResult done = testenv::run_kferry(
        zookeeper_job("plan", one.listener, one.client, "g-ssl"), {.environment = one.environment});
    EXPECT_EQ(done.exit_code, one.exit_code) << done.out << done.err;
    for (const std::string& words : one.says) EXPECT_TRUE(contains(done.err, words));
    EXPECT_LT(watch.elapsed(), Duration(40'000));
  }
}

}  // namespace
}  // namespace kferry::security
