// Identities of AWS: its services, played by a small one that checks what is signed, and real
// brokers that do (testenv/java/IamTokenValidator.java).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/security_fixture.h"
#include "tests/support/variables.h"

namespace kferry::security {
namespace {

using trouble::contains;
using trouble::operator+;
using Variables = std::map<std::string, std::string>;

constexpr int kChangesPending = 3;
constexpr int kUnreachable = 5;
constexpr int kNotAuthorised = 7;
constexpr const char* kRole = "arn:aws:iam::123456789012:role/movers";

// The token service, a container's and an instance's. The secret of a key K is
// "canary-secret-of-K", its session token "canary-token-of-K".
constexpr const char* kAws = R"(
import hashlib, hmac, http.server, json, urllib.parse
ROLE = "arn:aws:iam::123456789012:role/movers"
def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256)
def credentials(key, token="Token"):
    return {"AccessKeyId": key, "SecretAccessKey": "canary-secret-of-" + key,
            token: "canary-token-of-" + key, "Expiration": "2100-01-01T00:00:00Z"}
class Aws(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_PUT(self):
        known = "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
        self.answer(200 if known and self.path == "/latest/api/token" else 400, "canary-metadata")
    def do_GET(self):
        roles = "/latest/meta-data/iam/security-credentials/"
        if self.path == "/busy":
            return self.answer(503, {})
        if self.path == "/container":
            known = self.headers["Authorization"] == "canary-container"
            return self.answer(*((200, credentials("ASIACONTAINER")) if known else (403, {})))
        if self.headers["X-aws-ec2-metadata-token"] != "canary-metadata":
            return self.answer(401, {})
        self.answer(*{roles: (200, "movers"), roles + "movers": (200, credentials("ASIAINSTANCE"))}
                    .get(self.path, (404, {})))
    def signed(self, body):
        words = dict(word.split("=", 1) for word in
                     self.headers["Authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(", "))
        key, *scope = words["Credential"].split("/")
        names = words["SignedHeaders"].split(";")
        header = "".join(f"{name}:{self.headers[name]}\n" for name in names)
        request = "\n".join(["POST", "/", "", header, ";".join(names),
                             hashlib.sha256(body).hexdigest()])
        text = "\n".join(["AWS4-HMAC-SHA256", self.headers["x-amz-date"], "/".join(scope),
                          hashlib.sha256(request.encode()).hexdigest()])
        signing = ("AWS4canary-secret-of-" + key).encode()
        for part in scope:
            signing = mac(signing, part).digest()
        return ({"host", "x-amz-date"} <= set(names)
                and mac(signing, text).hexdigest() == words["Signature"])
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = dict(urllib.parse.parse_qsl(body.decode()))
        if form["Action"] == "AssumeRole":
            known, key = self.signed(body) and form.get("ExternalId") in (None, "ferry"), "ASIAROLE"
        else:
            known, key = form["WebIdentityToken"] == "canary-identity", "ASIAWEB"
        if not known or form["RoleArn"] != ROLE:
            return self.answer(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>"
                                    + body.decode() + "</Message></Error></ErrorResponse>")
        inner = "".join(f"<{name}>{value}</{name}>"
                        for name, value in credentials(key, "SessionToken").items())
        self.answer(200, f"<R><Result>\n<Credentials>{inner}</Credentials></Result></R>")
    def log_message(self, *ignored):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Aws)
print("port", server.server_port, "ready", flush=True)
server.serve_forever()
)";

class Aws {
 public:
  Aws() : process_({"python3", "-c", kAws}) {
    EXPECT_TRUE(process_.wait_for_output("ready", 20'000)) << process_.err();
    const std::string out = process_.out();
    const size_t at = out.find(' ') + 1;
    url_ = "http://127.0.0.1:" + out.substr(at, out.find(' ', at) - at);
  }
  const std::string& url() const { return url_; }

 private:
  testenv::ChildProcess process_;
  std::string url_;
};

std::string by_iam(const std::string& options = {}) {
  return fmt::format(
      "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=AWS_MSK_IAM\n"
      "sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler\n"
      "sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required {};\n",
      options);
}

Variables keys_of(const std::string& key) {
  return {{"AWS_ACCESS_KEY_ID", key}, {"AWS_SECRET_ACCESS_KEY", "canary-secret-of-" + key}};
}

struct Case {
  const char* what;
  std::string options;  // of IAMLoginModule
  Variables variables;
  int exit_code = kChangesPending;
  const char* says = "";
};

class AwsOnBrokers : public SecurityOnBrokers {
 protected:
  // Nothing of the machine that the test runs on.
  Variables alone(Variables more = {}) {
    more.insert({{"HOME", file("nobody")},
                 {"AWS_REGION", "eu-west-1"},
                 {"AWS_EC2_METADATA_DISABLED", "true"},
                 {"AWS_ENDPOINT_URL_STS", aws_.url()}});
    return more;
  }

  void expect(const Case& one) {
    SCOPED_TRACE(one.what);
    const ProcessResult done =
        testenv::run_kferry(zookeeper_job("plan", listener("source", "IAM"),
                                          properties(by_iam(one.options)), "g-canary") +
                                Arguments{"--log-level", "debug"},
                            {.environment = alone(one.variables)});
    EXPECT_EQ(done.exit_code, one.exit_code) << done.out << done.err;
    EXPECT_TRUE(contains(done.err, one.says)) << done.err;
    EXPECT_EQ((done.out + done.err).find("canary-"), done.out.npos) << done.out << done.err;
  }

  Aws aws_;
};

TEST_F(AwsOnBrokers, MigrateAndReplicate) {
  const test::WithVariables variables(alone(keys_of("AKIAENV")));
  migrate_and_replicate("token", "IAM", properties(by_iam()));
}

TEST_F(AwsOnBrokers, CredentialsAreFoundWhereAwsKeepsThem) {
  const std::string profiles =
      private_file("credentials",
                   fmt::format("[default]\naws_access_key_id=AKIAFILE\n"
                               "aws_secret_access_key=canary-secret-of-AKIAFILE\n"
                               "[process]\ncredential_process = cat {}\n"
                               "[mover]\nrole_arn = {}\nsource_profile = default\n"
                               "external_id = ferry\n[instance]\nrole_arn = {}\n"
                               "credential_source = Ec2InstanceMetadata\n",
                               private_file("process.json",
                                            R"({"Version":1,"AccessKeyId":"AKIAPROCESS",)"
                                            R"("SecretAccessKey":"canary-secret-of-AKIAPROCESS"})"),
                               kRole, kRole));
  const auto of_file = [&](const char* profile) {
    return Variables{{"AWS_SHARED_CREDENTIALS_FILE", profiles}, {"AWS_PROFILE", profile}};
  };
  const Variables instance{{"AWS_EC2_METADATA_DISABLED", "false"},
                           {"AWS_EC2_METADATA_SERVICE_ENDPOINT", aws_.url()}};
  Variables role_of_instance = of_file("instance");
  role_of_instance.insert(instance.begin(), instance.end());
  const std::vector<Case> cases{
      {"environment", "", keys_of("AKIAENV")},
      {"file", "", {{"AWS_SHARED_CREDENTIALS_FILE", profiles}}},
      {"named profile", "awsProfileName=\"process\"", of_file("no-such")},
      {"role of a profile", "", of_file("mover")},
      {"role of an instance's", "", role_of_instance},
      {"role of the settings", fmt::format("awsRoleArn=\"{}\"", kRole), keys_of("AKIAENV")},
      {"web identity",
       "",
       {{"AWS_ROLE_ARN", kRole},
        {"AWS_WEB_IDENTITY_TOKEN_FILE", private_file("identity", "canary-identity\n")}}},
      {"container",
       "",
       {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", aws_.url() + "/container"},
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", private_file("task", "canary-container")}}},
      {"instance", "", instance}};
  for (const Case& one : cases) expect(one);
}

TEST_F(AwsOnBrokers, WhatFailsIsNamed) {
  const std::string role = fmt::format("awsRoleArn=\"{}\"", kRole);
  Variables wrong = keys_of("AKIAENV");
  wrong["AWS_SECRET_ACCESS_KEY"] = "canary-wrong";
  Variables elsewhere = keys_of("AKIAENV");
  elsewhere["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:1";
  Variables nowhere = keys_of("AKIAENV");
  nowhere["AWS_REGION"] = "";
  const std::vector<Case> cases{
      {"the broker refuses", "", wrong, kNotAuthorised, "login was refused"},
      {"AWS refuses", role, wrong, kNotAuthorised, "HTTP 403: AccessDenied"},
      {"no token service", role, elsewhere, kUnreachable, "asking AWS for a role at"},
      {"no region", "", nowhere, kNotAuthorised, "which region?"},
      {"nothing", "", {}, kNotAuthorised, "credentials of AWS: there are none"},
      {"half", "", {{"AWS_ACCESS_KEY_ID", "AKIAENV"}}, kNotAuthorised, "only one of"},
      {"no such profile", "awsProfileName=\"x\"", {}, kNotAuthorised, "no profile 'x'"},
      {"a container's service in trouble",
       "",
       {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", aws_.url() + "/busy"}},
       kUnreachable,
       "HTTP 503"},
      {"a container's service elsewhere",
       "",
       {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://198.51.100.1/"}},
       kNotAuthorised,
       "nor an address of this machine"}};
  for (const Case& one : cases) expect(one);
}

}  // namespace
}  // namespace kferry::security
