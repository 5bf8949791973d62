// Tokens that an identity provider issues to an OAuth client: a small one, and real brokers.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/security_fixture.h"
#include "tests/integration/token_endpoint.h"
#include "tests/support/sockets.h"

namespace kferry::security {
namespace {

using trouble::contains;
using trouble::operator+;

constexpr int kUnreachable = 5;
constexpr int kNotAuthorised = 7;

class TokensOnBrokers : public SecurityOnBrokers {
 protected:
  static std::string java_client(const std::string& url,
                                 const std::string& secret = kClientSecret) {
    return properties(fmt::format(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n"
        "sasl.oauthbearer.token.endpoint.url={}\n"
        "sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule "
        "required clientId=\"app\" clientSecret=\"{}\" scope=\"kafka\";\n",
        url, secret));
  }

  static std::string librdkafka_client(const std::string& url, const std::string& authority) {
    return properties(
        fmt::format("security.protocol=SASL_PLAINTEXT\nsasl.mechanisms=OAUTHBEARER\n"
                    "sasl.oauthbearer.method=oidc\nsasl.oauthbearer.token.endpoint.url={}\n"
                    "sasl.oauthbearer.client.id=app\nsasl.oauthbearer.client.secret={}\n"
                    "sasl.oauthbearer.scope=kafka\nhttps.ca.location={}\n",
                    url, kClientSecret, authority));
  }
};

TEST_F(TokensOnBrokers, ByTheKeysOfAJavaClient) {
  const TokenEndpoint endpoint;
  migrate_and_replicate("token", "SASL_PLAINTEXT",
                        java_client(fmt::format("http://{}/token", endpoint.address())));
}

TEST_F(TokensOnBrokers, ByTheKeysOfLibrdkafkaOverTls) {
  const TokenEndpoint endpoint(pem("server-store.pem"));
  const std::string url = fmt::format("https://{}/token", endpoint.address());
  migrate_and_replicate("plain", "SASL_PLAINTEXT", librdkafka_client(url, pem("ca.pem")));

  const auto untrusted =
      plan(listener("source", "SASL_PLAINTEXT"), librdkafka_client(url, pem("other-ca.pem")));
  EXPECT_EQ(untrusted.exit_code, kUnreachable) << untrusted.err;
  EXPECT_TRUE(contains(untrusted.err, "certificate"));
}

TEST_F(TokensOnBrokers, WhatFailsIsNamed) {
  const TokenEndpoint endpoint;
  const test::Socket silent = test::listen_on_loopback();  // the kernel accepts for it
  const std::string base = fmt::format("http://{}", endpoint.address());
  struct Case {
    std::string client;
    int exit_code;
    const char* says;
  };
  const std::vector<Case> cases{
      {java_client(base + "/token", "canary-wrong"), kNotAuthorised, "HTTP 401: invalid_client"},
      {java_client(base + "/busy"), kUnreachable, "HTTP 503"},
      {java_client(base + "/long"), kUnreachable, "more than 262144 bytes"},
      {java_client("http://localhost:1/token"), kUnreachable, "localhost"},
      {java_client(fmt::format("http://localhost:{}/token", test::port_of(silent))), kUnreachable,
       "timed out"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.says);
    const test::Stopwatch watch;
    const ProcessResult done = plan(listener("source", "SASL_PLAINTEXT"), one.client);
    EXPECT_EQ(done.exit_code, one.exit_code) << done.out << done.err;
    EXPECT_TRUE(contains(done.err, one.says));
    EXPECT_EQ((done.out + done.err).find("canary"), std::string::npos) << done.err;
    EXPECT_LT(watch.elapsed(), Duration(40'000));
  }
}

}  // namespace
}  // namespace kferry::security
