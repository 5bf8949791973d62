// No secret of any login is written anywhere.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/canaries.h"

namespace kferry::security {
namespace {

using trouble::operator+;

TEST_F(SecurityOnBrokers, NoOutputHasASecret) {
  const std::string wrong = "canary-4711";
  const auto debugging = [](const std::string& client) {
    trouble::write_text(client, trouble::read_text(client) + "debug=all\n");
    return client;
  };
  const std::string key_text = trouble::read_text(pem("client.key"));
  const Canaries canaries({wrong, key_text.substr(key_text.find('\n') + 1, 60)});
  const std::string report = file("canary.json");
  const auto run = [&](const Arguments& command) {
    const auto done = testenv::run_kferry(command + Arguments{"--log-level", "debug"});
    EXPECT_NE(done.exit_code, 2) << command[0] << done.err;
    EXPECT_FALSE(done.err.empty()) << "it says something at this level";
    canaries.expect_none(command[0], done.out + done.err);
    canaries.expect_none(command[0] + ": report", trouble::read_text(report));
  };
  // Each login in a verb of either job.
  for (const auto& [name, client] : {std::pair{"SSL", mutual_tls()},
                                     {"SASL_SSL", scram(wrong)},
                                     {"SASL_PLAINTEXT", plain()},
                                     {"SASL_PLAINTEXT", plain(wrong)},
                                     {"SASL_PLAINTEXT", token()},
                                     {"SASL_SSL", scram()}}) {
    const std::string properties = debugging(client);
    const std::string source = listener("source", name);
    run(zookeeper_job("plan", source, properties, "g-canary") + Arguments{"--report", report});
    run({"replicate", "--dry-run", "--source", source, "--target", listener("target", name),
         "--source-config", properties, "--target-config", properties, "--flow", "canary",
         "--topics", "orders-canary", "--no-progress"});
  }
}

}  // namespace
}  // namespace kferry::security
