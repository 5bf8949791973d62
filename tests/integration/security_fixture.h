// What the tests of security share: one pair of clusters with a listener for each way in, and
// client properties for each.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/mirror_fixture.h"
#include "tests/integration/trouble_fixture.h"

namespace kferry::security {

using mirror::Arguments;
using mirror::Json;
using testenv::Environment;
using testenv::ProcessResult;

// As in testenv/kferry_testenv/secure.py.
constexpr const char* kPlainPassword = "plain-secret";
constexpr const char* kScramPassword = "scram-secret";
constexpr const char* kStorePassword = "store-secret";

// {"alg":"none"} and {"sub":"app","exp":4102444800,"iat":1700000000}: what Kafka's own validator
// for tests takes. (Of the year 3000 it would find no end of the session: it counts nanoseconds.)
constexpr const char* kToken =
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhcHAiLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTcwMDAwMDAwMH0.";

// The topics orders-ssl, -scram, -scram256, -plain, -token and -canary of 2 partitions, and a group
// for each (g-ssl, ...) with the offsets 10 and 20 in ZooKeeper.
class SecurityOnBrokers : public testing::Test {
 protected:
  static void SetUpTestSuite() { start("--secure"); }
  static void TearDownTestSuite();
  static void start(const std::string& how);  // an option of testenv/up

  static Environment& clusters() { return *environment_; }
  static std::string file(const std::string& name) { return *folder_ / name; }
  static std::string pem(const std::string& name);
  // Its address: SSL, SASL_SSL, SASL_PLAINTEXT or EXPIRED, of "source" or "target".
  static std::string listener(const std::string& side, const std::string& name);

  // A file with this text, which others may not read.
  static std::string private_file(const std::string& name, const std::string& text);
  static std::string properties(const std::string& text);
  static std::string mutual_tls();  // Java's keys, stores
  static std::string scram(const std::string& password = kScramPassword,
                           const std::string& ca = "ca.pem",
                           const std::string& mechanism = "SCRAM-SHA-512");  // Java's keys
  static std::string plain(const std::string& password = kPlainPassword);    // librdkafka's keys
  static std::string token();                                                // of a command

  static Arguments zookeeper_job(const std::string& verb, const std::string& bootstrap,
                                 const std::string& client, const std::string& group);
  // Something short that needs a broker.
  static ProcessResult plan(const std::string& bootstrap, const std::string& client);
  // The group g-NAME from ZooKeeper to Kafka, and the topic orders-NAME from one cluster to the
  // other, by a listener.
  static void migrate_and_replicate(const std::string& name, const std::string& listener_name,
                                    const std::string& client,
                                    const std::string& target_client = {});
  // A listener gives logins four seconds (KIP-368), and cuts who goes on without: nobody is cut.
  static void renew_while_records_flow(const std::string& listener_name, const std::string& client);

 private:
  inline static std::unique_ptr<Environment> environment_;
  inline static std::unique_ptr<trouble::Folder> folder_;
};

}  // namespace kferry::security
