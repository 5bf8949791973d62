// A small identity provider for the tests of security.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "tests/integration/security_fixture.h"

namespace kferry::security {

inline constexpr const char* kClientSecret = "canary-oidc-secret";

// Issues kToken to the client `app` with the scope `kafka`; with a certificate over TLS.
inline constexpr const char* kEndpoint = R"(
import base64, http.server, json, os, ssl, sys
token, secret, store = os.environ["TOKEN"], os.environ["SECRET"], sys.argv[1]
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
      : process_({"python3", "-c", kEndpoint, store},
                 {.environment = {{"TOKEN", kToken}, {"SECRET", kClientSecret}}}) {
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

}  // namespace kferry::security
