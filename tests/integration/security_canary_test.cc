// No secret is written anywhere.
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/security_fixture.h"

namespace kferry::security {
namespace {

using trouble::operator+;

// Whatever is said, by whichever verb, however much of it: no secret is among it.
TEST_F(SecurityOnBrokers, NoOutputHasASecret) {
  const std::string wrong = "canary-4711";
  const auto debugging = [](const std::string& client) {
    trouble::write_text(client, trouble::read_text(client) + "debug=all\n");
    return client;
  };
  const std::string key_text = trouble::read_text(pem("client.key"));
  const std::vector<std::string> secrets{
      kPlainPassword, kScramPassword, kStorePassword,
      wrong,          kToken,         key_text.substr(key_text.find('\n') + 1, 60)};
  const std::string journal = file("canary.journal");
  const auto expect_none = [&](const std::string& what, const std::string& text) {
    for (const std::string& secret : secrets)
      EXPECT_EQ(text.find(secret), std::string::npos) << what << " has '" << secret << "'";
  };
  struct Way {
    const char* listener;
    std::string client;
  };
  const std::vector<Way> ways{{"SSL", debugging(mutual_tls())},
                              {"SASL_SSL", debugging(scram())},
                              {"SASL_SSL", debugging(scram(wrong))},
                              {"SASL_PLAINTEXT", debugging(plain())},
                              {"SASL_PLAINTEXT", debugging(plain(wrong))},
                              {"SASL_PLAINTEXT", debugging(token())}};
  for (const Way& way : ways) {
    const std::string source = listener("source", way.listener);
    const std::string target = listener("target", way.listener);
    const Arguments both{"--source",        source,     "--target",        target,
                         "--source-config", way.client, "--target-config", way.client};
    const std::string report = file("canary.json");
    const Arguments of_group = zookeeper_job("verb", source, way.client, "g-ssl");
    const auto verb = [&](const std::string& name, const Arguments& more = {}) {
      Arguments arguments = of_group;
      arguments[0] = name;
      return arguments + more;
    };
    const std::vector<Arguments> commands{
        verb("plan", {"--report", report}),
        verb("migrate", {"--execute", "--report", report, "--journal", journal}),
        verb("verify", {"--report", report}),
        Arguments{"scan", "--zookeeper", clusters().zookeeper_connect(), "--bootstrap-server",
                  source, "--command-config", way.client, "--no-progress"},
        Arguments{"replicate"} + both + mirror::flow("canary", "orders-ssl") +
            Arguments{"--dry-run", "--no-progress"},
        Arguments{"replicate"} + both + mirror::flow("canary", "orders-ssl") +
            Arguments{"--until-caught-up", "--no-progress"},
        Arguments{"prove"} + both +
            Arguments{"--flow", "canary", "--topics", "orders-ssl", "--no-progress", "--report",
                      report},
        Arguments{"cutover", "show"} + both +
            Arguments{"--flow", "canary", "--topics", "orders-ssl", "--no-progress"}};
    for (const Arguments& command : commands) {
      const auto done = testenv::run_kferry(command + Arguments{"--log-level", "debug"});
      const std::string what = fmt::format("{} by {}", command[0], way.listener);
      EXPECT_NE(done.exit_code, 2) << what << done.err;
      expect_none(what, done.out + done.err);
      expect_none(what + ": report", trouble::read_text(report));
    }
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(file("")))
    if (entry.is_regular_file() && entry.path().string().find("journal") != std::string::npos)
      expect_none(entry.path(), trouble::read_text(entry.path()));
}

}  // namespace
}  // namespace kferry::security
