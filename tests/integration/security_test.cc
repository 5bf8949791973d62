// Brokers that demand TLS, a client certificate or a login: the whole job through each, and what is
// said when it fails.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/security_fixture.h"
#include "tests/support/sockets.h"

namespace kferry::security {
namespace {

using mirror::MirrorProcess;
using trouble::at;
using trouble::contains;
using trouble::operator+;

constexpr int kUnreachable = 5;
constexpr int kNotAuthorised = 7;

TEST_F(SecurityOnBrokers, TlsWithClientCertificatesFromStores) {
  migrate_and_replicate("ssl", "SSL", mutual_tls());
}

TEST_F(SecurityOnBrokers, ScramOverTls) {
  migrate_and_replicate("scram", "SASL_SSL", scram());
  migrate_and_replicate("scram256", "SASL_SSL", scram(kScramPassword, "ca.pem", "SCRAM-SHA-256"));
}

TEST_F(SecurityOnBrokers, PlainWithoutTls) {
  migrate_and_replicate("plain", "SASL_PLAINTEXT", plain());
}

TEST_F(SecurityOnBrokers, TokensOfACommand) {
  migrate_and_replicate("token", "SASL_PLAINTEXT", token());
}

TEST_F(SecurityOnBrokers, LoginsAreRenewedWhileRecordsFlow) {
  renew_while_records_flow("SASL_PLAINTEXT", plain());
}

TEST_F(SecurityOnBrokers, WhatFailsIsNamed) {
  struct Case {
    const char* what;
    std::string bootstrap;
    std::string client;
    int exit_code;
    const char* says;
  };
  const std::string without_certificate =
      properties(fmt::format("security.protocol=SSL\nssl.ca.location={}\n", pem("ca.pem")));
  const std::string nothing = properties("client.id=x\n");
  const auto by_address = [](std::string address) {
    return address.replace(0, address.find(':'), "127.0.0.1");
  };
  const std::vector<Case> cases{
      {"wrong password, SCRAM", listener("source", "SASL_SSL"), scram("wrong"), kNotAuthorised,
       "logging in by SCRAM-SHA-512 as 'app'"},
      {"wrong password, PLAIN", listener("source", "SASL_PLAINTEXT"), plain("wrong"),
       kNotAuthorised, "SASL_AUTHENTICATION_FAILED"},
      {"another mechanism", listener("source", "SASL_SSL"),
       properties(fmt::format("security.protocol=SASL_SSL\nssl.ca.location={}\n"
                              "sasl.mechanism=PLAIN\nsasl.username=a\nsasl.password=b\n",
                              pem("ca.pem"))),
       kNotAuthorised, "it offers SCRAM-SHA-"},
      {"no client certificate", listener("source", "SSL"), without_certificate, kNotAuthorised,
       "it refuses clients without a certificate"},
      {"wrong host name", by_address(listener("source", "SASL_SSL")), scram(), kUnreachable,
       "its certificate is not accepted: IP address mismatch"},
      {"expired", listener("source", "EXPIRED"), without_certificate, kUnreachable,
       "its certificate is not accepted: certificate has expired"},
      {"untrusted", listener("source", "SASL_SSL"), scram(kScramPassword, "other-ca.pem"),
       kUnreachable, "its certificate is not accepted: unable to get local issuer certificate"},
      {"TLS to a plain port", clusters().bootstrap_servers(), without_certificate, kUnreachable,
       "is this a PLAINTEXT listener?"},
      {"plain to a TLS port", listener("source", "SSL"), nothing, kUnreachable, "TLS"},
      {"a login where none is wanted", clusters().bootstrap_servers(), plain(), kUnreachable,
       "this listener wants no login"},
      {"no login where one is wanted", listener("source", "SASL_PLAINTEXT"), nothing, kUnreachable,
       "security.protocol"},
  };
  const test::Socket silent = test::listen_on_loopback();  // the kernel accepts for it
  const std::string hanging = fmt::format("localhost:{}", test::port_of(silent));
  testenv::ChildProcess waiting(Arguments{testenv::kferry_binary().string()} +
                                zookeeper_job("plan", hanging, scram(), "g-ssl"));
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    const test::Stopwatch watch;
    const ProcessResult done = plan(one.bootstrap, one.client);
    EXPECT_EQ(done.exit_code, one.exit_code) << done.out << done.err;
    EXPECT_TRUE(contains(done.err, one.says));
    EXPECT_LT(watch.elapsed(), Duration(30'000));
  }
  const auto timed_out = waiting.wait(30'000);
  ASSERT_TRUE(timed_out) << "a broker that hangs in the handshake is not waited for";
  EXPECT_EQ(timed_out->exit_code, kUnreachable) << timed_out->err;
  EXPECT_TRUE(contains(timed_out->err, "timed out while shaking hands for TLS"));
}

TEST_F(SecurityOnBrokers, AMirrorThatMayNotLogInSaysSo) {
  MirrorProcess process(listener("source", "SASL_SSL"), listener("target", "SASL_SSL"),
                        mirror::flow("refused", "orders-scram") +
                            Arguments{"--source-config", scram(), "--target-config", scram("wrong"),
                                      "--until-caught-up"});
  const ProcessResult done = process.finish();
  EXPECT_EQ(done.exit_code, kNotAuthorised) << done.out << done.err;
  EXPECT_TRUE(contains(done.err, "SASL_AUTHENTICATION_FAILED"));
}

}  // namespace
}  // namespace kferry::security
