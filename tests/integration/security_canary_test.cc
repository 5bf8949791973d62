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
  const std::string report = file("canary.json");
  const auto expect_none = [&](const std::string& what, const std::string& text) {
    for (const std::string& secret : secrets)
      EXPECT_EQ(text.find(secret), std::string::npos) << what << " has '" << secret << "'";
  };
  const auto run = [&](const Arguments& command) {
    const auto done = testenv::run_kferry(command + Arguments{"--log-level", "debug"});
    EXPECT_NE(done.exit_code, 2) << command[0] << done.err;
    EXPECT_FALSE(done.err.empty()) << "it says something at this level";
    expect_none(command[0], done.out + done.err);
    expect_none(command[0] + ": report", trouble::read_text(report));
  };
  // Each login in a verb of either job, and the last one in all verbs.
  int logins = 0;
  for (const auto& [name, client] : {std::pair{"SSL", mutual_tls()},
                                     {"SASL_SSL", scram(wrong)},
                                     {"SASL_PLAINTEXT", plain()},
                                     {"SASL_PLAINTEXT", plain(wrong)},
                                     {"SASL_PLAINTEXT", token()},
                                     {"SASL_SSL", scram()}}) {
    const std::string properties = debugging(client);
    const std::string source = listener("source", name);
    const Arguments clusters_and_flow =
        Arguments{"--source",        source,     "--target",        listener("target", name),
                  "--source-config", properties, "--target-config", properties} +
        Arguments{"--flow", "canary", "--topics", "orders-canary", "--no-progress"};
    const Arguments to_report{"--report", report};
    run(zookeeper_job("plan", source, properties, "g-canary") + to_report);
    run(Arguments{"replicate", "--dry-run"} + clusters_and_flow);
    if (++logins < 6) continue;
    run(zookeeper_job("migrate", source, properties, "g-canary") + to_report +
        Arguments{"--execute", "--journal", file("canary.journal")});
    run(zookeeper_job("verify", source, properties, "g-canary") + to_report);
    run(zookeeper_job("scan", source, properties, ""));
    run(Arguments{"replicate", "--until-caught-up"} + clusters_and_flow);
    run(Arguments{"prove"} + clusters_and_flow + to_report);
    run(Arguments{"cutover", "show"} + clusters_and_flow);
    run(Arguments{"doctor"} + clusters_and_flow);
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(file("")))
    if (entry.is_regular_file() && entry.path().string().find("journal") != std::string::npos)
      expect_none(entry.path(), trouble::read_text(entry.path()));
}

}  // namespace
}  // namespace kferry::security
