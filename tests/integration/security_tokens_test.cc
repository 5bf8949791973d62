// Tokens that an identity provider issues to an OAuth client: a small one, and real brokers.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/security_fixture.h"
#include "tests/support/sockets.h"

namespace kferry::security {
namespace {

using trouble::contains;
using trouble::operator+;

constexpr int kUnreachable = 5;
constexpr int kNotAuthorised = 7;
constexpr const char* kClientSecret = "canary-oidc-secret";

// Issues kToken to the client `app` with the scope `kafka`; with a certificate over TLS.
constexpr const char* kEndpoint = R"(
import base64, http.server, json, ssl, sys
token, secret, store = sys.argv[1:]
class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        login = "Basic " + base64.b64encode(("app:" + secret).encode()).decode()
        status, answer = 200, {"access_token": token, "expires_in": 3600, "token_type": "bearer"}
        if form != "grant_type=client_credentials&scope=kafka":
            status, answer = 400, {"error": "invalid_scope"}
        if self.headers["Authorization"] != login:
            status, answer = 401, {"error": "invalid_client", "error_description": login}
        if self.path == "/busy":
            status, answer = 503, {}
        if self.path == "/long":
            answer = {"access_token": "x" * 1000000}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *ignored):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
if store:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(store)
    server.socket = context.wrap_socket(server.socket, server_side=True)
print("port", server.server_port, "ready", flush=True)
server.serve_forever()
)";

class TokenEndpoint {
 public:
  explicit TokenEndpoint(const std::string& store = {})
      : process_({"python3", "-c", kEndpoint, kToken, kClientSecret, store}) {
    EXPECT_TRUE(process_.wait_for_output("ready", 20'000)) << process_.err();
    const std::string out = process_.out();
    const size_t at = out.find(' ') + 1;
    host_and_port_ = "localhost:" + out.substr(at, out.find(' ', at) - at);
  }
  const std::string& address() const { return host_and_port_; }

 private:
  testenv::ChildProcess process_;
  std::string host_and_port_;
};

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
