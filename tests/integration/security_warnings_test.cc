// Files with secrets that every user of the machine may read are warned of; private ones are not.
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/security_fixture.h"

namespace kferry::security {
namespace {

using trouble::operator+;

class OpenFiles : public SecurityOnBrokers {
 protected:
  static Arguments planning(const std::string& client,
                            const char* listener_name = "SASL_PLAINTEXT") {
    return zookeeper_job("plan", listener("source", listener_name), client, "g-plain");
  }
  static Arguments mirroring(const Arguments& more) {
    return Arguments{"replicate", "--dry-run", "--no-progress", "--topics", "orders-plain"} + more;
  }
  static std::string plain_by(const std::string& password) {
    return properties(
        fmt::format("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
                    "sasl.username=app\nsasl.password={}\n",
                    password));
  }
  // Whether the run warns of the file when others may read it.
  static bool warns(const Arguments& command, const std::string& path, int mode) {
    std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode));
    const std::string said = testenv::run_kferry(command).err;
    std::filesystem::permissions(path, std::filesystem::perms(0600));
    const size_t at = said.find("can be read by every user");
    return at != said.npos && said.find(path, at) != said.npos &&
           said.find("chmod o-r") != said.npos;
  }
};

TEST_F(OpenFiles, AreWarnedOf) {
  struct Case {
    const char* what;
    std::string path;
    Arguments command;
  };
  const std::string direct = plain_by(kPlainPassword);
  const std::string whole = private_file("whole", kPlainPassword);
  const std::string one_key = private_file("keys", fmt::format("one={}\n", kPlainPassword));
  const std::string login = private_file("login", "admin:x");
  const std::string a_token = private_file("a-token", kToken);
  const std::string key = private_file("key.pem", trouble::read_text(pem("client.key")));
  const std::string keytab = private_file("a.keytab", "x");
  const std::string mm2 = private_file(
      "mm2.properties",
      fmt::format("clusters=a, b\na.bootstrap.servers={}\nb.bootstrap.servers={}\n"
                  "a->b.enabled=true\na->b.topics=orders-plain\na.ssl.key.password={}\n",
                  clusters().bootstrap_servers(), clusters().target_bootstrap_servers(),
                  kStorePassword));
  const std::vector<Case> cases{
      {"--command-config", direct, planning(direct)},
      {"--source-config", direct,
       mirroring({"--source", listener("source", "SASL_PLAINTEXT"), "--source-config", direct,
                  "--target", clusters().target_bootstrap_servers()})},
      {"--mm2-properties", mm2, mirroring({"--mm2-properties", mm2})},
      {"${file:PATH}", whole, planning(plain_by("${file:" + whole + "}"))},
      {"${file:PATH:KEY}", one_key, planning(plain_by("${file:" + one_key + ":one}"))},
      {"${directory:...}", whole,
       planning(plain_by("${directory:" + std::filesystem::path(whole).parent_path().string() +
                         ":whole}"))},
      {"--zookeeper-auth-file", login,
       planning(plain_by(kPlainPassword)) + Arguments{"--zookeeper-auth-file", login}},
      {"a token", a_token,
       planning(properties("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n"
                           "sasl.oauthbearer.token.endpoint.url=file://" +
                           a_token + "\n"))},
      {"a key", key,
       planning(properties(fmt::format("security.protocol=SSL\nssl.ca.location={}\n"
                                       "ssl.certificate.location={}\nssl.key.location={}\n",
                                       pem("ca.pem"), pem("client-chain.pem"), key)),
                "SSL")},
      {"a keytab", keytab,
       planning(properties("security.protocol=SASL_PLAINTEXT\nsasl.kerberos.keytab=" + keytab))},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    EXPECT_TRUE(warns(one.command, one.path, 0644));
    EXPECT_FALSE(warns(one.command, one.path, 0640));
  }
  const std::string without = properties(
      "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=app\n"
      "sasl.password=${file:" +
      whole + "}\n");
  EXPECT_FALSE(warns(planning(without), without, 0644)) << "there is no secret in it";
}

}  // namespace
}  // namespace kferry::security
