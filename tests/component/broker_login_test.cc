// Logging in to a broker and staying in, and brokers that are not what they say.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tests/support/command.h"
#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "wire/error_code.h"
#include "wire/messages.h"

namespace kferry::wire {
namespace {

using namespace std::string_literals;
using test::fails;
using test::FakeBroker;
using test::FakeReply;
using test::has;
using test::ok;
using test::wait_for;
using test::WireRequest;

constexpr Duration kLong{10'000};

ClientConfig plain(const std::string& password = "secret") {
  ClientConfig config;
  config.sasl.emplace();
  config.sasl->user = "app";
  config.sasl->password = password;
  return config;
}

SaslHandshakeResponse welcome(const SaslHandshakeRequest&, const WireRequest&) {
  return {};
}

// Takes PLAIN with the password "secret".
class PlainBroker : public FakeBroker {
 public:
  explicit PlainBroker(int64_t lifetime_ms = 0) {
    answer<SaslHandshakeRequest>(welcome);
    answer<SaslAuthenticateRequest>([lifetime_ms](const auto& request, const auto&) {
      SaslAuthenticateResponse response;
      response.session_lifetime_ms = lifetime_ms;
      if (request.auth_bytes.data == "\0app\0secret"s) return response;
      response.error_code = 58;
      response.error_message = "Authentication failed: Invalid username or password";
      return response;
    });
  }
};

Result<Broker> connect(const FakeBroker& fake, const ClientConfig& config) {
  return Broker::connect(fake.address(), config, wait_for(kLong));
}

TEST(BrokerLogin, PlainGoesInSaslAuthenticate) {
  PlainBroker fake;
  const auto broker = connect(fake, plain());
  ASSERT_TRUE(ok(broker));
  EXPECT_EQ(fake.decoded<SaslHandshakeRequest>().at(0).mechanism, "PLAIN");
  EXPECT_EQ(fake.requests(ApiKey::kSaslHandshake).at(0).version(), 1);
  EXPECT_EQ(fake.count(ApiKey::kSaslAuthenticate), 1U);
}

TEST(BrokerLogin, AWrongPasswordIsNotAuthorisedAndNotShown) {
  PlainBroker fake;
  const auto broker = connect(fake, plain("canary-4711"));
  ASSERT_TRUE(fails(broker, ErrorKind::kNotAuthorised, "logging in by PLAIN as 'app'"));
  EXPECT_TRUE(has(broker.error().message, "Invalid username or password"));
  EXPECT_EQ(broker.error().message.find("canary"), std::string::npos);
  EXPECT_EQ(fake.connections(), 1) << "a wrong password is not tried again";
}

TEST(BrokerLogin, AMechanismThatTheBrokerDoesNotOffer) {
  FakeBroker fake;
  fake.answer<SaslHandshakeRequest>([](const auto&, const auto&) {
    return SaslHandshakeResponse{kUnsupportedSaslMechanism, {"GSSAPI", "SCRAM-SHA-512"}};
  });
  const auto broker = connect(fake, plain());
  ASSERT_TRUE(fails(broker, ErrorKind::kNotAuthorised, "it offers GSSAPI, SCRAM-SHA-512"));
}

TEST(BrokerLogin, AListenerThatWantsNoLogin) {
  FakeBroker fake;
  fake.answer<SaslHandshakeRequest>([](const auto&, const auto&) {
    return SaslHandshakeResponse{kIllegalSaslState, {}};
  });
  const auto broker = connect(fake, plain());
  ASSERT_TRUE(fails(broker, ErrorKind::kUnreachable, "wants no login"));
}

TEST(BrokerLogin, ABrokerThatHangsInTheLoginTimesOut) {
  PlainBroker fake;
  fake.on(ApiKey::kSaslAuthenticate, [](const WireRequest&) { return FakeReply{.silent = true}; });
  ClientConfig config = plain();
  config.connect_timeout = Duration(500);
  const test::Stopwatch watch;
  ASSERT_TRUE(fails(connect(fake, config), ErrorKind::kUnreachable, "timed out"));
  EXPECT_LT(watch.elapsed(), Duration(4'000));
}

TEST(BrokerLogin, ItIsRenewedBeforeItEndsWhileAnswersAreOutstanding) {
  PlainBroker fake(400);
  fake.answer<DescribeGroupsRequest>([](const auto& request, const auto&) {
    DescribeGroupsResponse response;
    response.groups.emplace_back().group_id = request.groups.at(0);
    return response;
  });
  auto broker = connect(fake, plain());
  ASSERT_TRUE(ok(broker));
  const auto version = broker->version_of<DescribeGroupsRequest>();
  ASSERT_TRUE(ok(version));
  const auto post = [&](const char* group) {
    return broker->post(DescribeGroupsRequest{{GroupId(group)}}, *version, wait_for(kLong));
  };
  const auto take = [&]() -> std::string {
    const auto held = broker->take<DescribeGroupsRequest>(*version, wait_for(kLong));
    return held ? held->response.groups.at(0).group_id.value() : held.error().message;
  };
  ASSERT_TRUE(ok(post("a")));
  ASSERT_TRUE(ok(post("b")));
  EXPECT_EQ(take(), "a");
  EXPECT_EQ(fake.count(ApiKey::kSaslAuthenticate), 1U);
  std::this_thread::sleep_for(Duration(400));
  ASSERT_TRUE(ok(post("c")));  // "b" has not been taken yet
  EXPECT_EQ(fake.count(ApiKey::kSaslAuthenticate), 2U);
  EXPECT_EQ(broker->has_answer(wait_for(kLong)), true);
  EXPECT_EQ(take(), "b");
  EXPECT_EQ(take(), "c");
  EXPECT_EQ(fake.connections(), 1);
}

TEST(BrokerLogin, BrokersBefore10GetTheTokensAsTheyAre) {
  FakeBroker fake;
  SpokenVersions old{{ApiKey::kApiVersions, {0, 0}}, {ApiKey::kSaslHandshake, {0, 0}}};
  fake.speak(old);
  fake.on(ApiKey::kSaslHandshake, [](const WireRequest& request) {
    FakeReply reply = reply_with(SaslHandshakeResponse{}, request);
    reply.close = true;  // what comes next is not a request; a refusal looks the same
    return reply;
  });
  const auto broker = connect(fake, plain());
  ASSERT_TRUE(fails(broker, ErrorKind::kNotAuthorised, "logging in by PLAIN"));
  EXPECT_EQ(fake.requests(ApiKey::kSaslHandshake).at(0).version(), 0);
}

// The broker's side of RFC 5802 for one user and one login.
class ScramServer {
 public:
  explicit ScramServer(std::string password) : password_(std::move(password)) {}

  std::string first(const std::string& client_first) {
    client_bare_ = client_first.substr(3);  // "n,,"
    const std::string nonce = client_bare_.substr(client_bare_.find("r=") + 2) + "server";
    server_first_ = "r=" + nonce + ",s=" + base64("salt") + ",i=4096";
    return server_first_;
  }

  std::string last(const std::string& client_final) {
    const std::string bare = client_final.substr(0, client_final.find(",p="));
    const std::string said = client_bare_ + "," + server_first_ + "," + bare;
    return "v=" + base64(hmac(hmac(salted(), "Server Key"), said));
  }

 private:
  static std::string hmac(const std::string& key, const std::string& text) {
    std::string result(64, '\0');
    unsigned size = 0;
    HMAC(EVP_sha512(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(result.data()), &size);
    return result;
  }
  std::string salted() const {
    std::string result(64, '\0');
    PKCS5_PBKDF2_HMAC(password_.data(), static_cast<int>(password_.size()),
                      reinterpret_cast<const unsigned char*>("salt"), 4, 4096, EVP_sha512(), 64,
                      reinterpret_cast<unsigned char*>(result.data()));
    return result;
  }
  static std::string base64(const std::string& bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<size_t>(size));
    return text;
  }

  const std::string password_;
  std::string client_bare_;
  std::string server_first_;
};

Result<Broker> scram_login(const std::string& servers_password) {
  FakeBroker fake;
  ScramServer server(servers_password);
  int round = 0;
  fake.answer<SaslHandshakeRequest>(welcome);
  fake.answer<SaslAuthenticateRequest>([&](const auto& request, const auto&) {
    SaslAuthenticateResponse response;
    const std::string& said = request.auth_bytes.data;
    response.auth_bytes.data = round++ == 0 ? server.first(said) : server.last(said);
    return response;
  });
  ClientConfig config = plain();
  config.sasl->mechanism = SaslMechanism::kScramSha512;
  auto broker = connect(fake, config);
  EXPECT_EQ(round, 2);
  return broker;
}

TEST(BrokerLogin, ScramTakesABrokerThatProvesItself) {
  ASSERT_TRUE(ok(scram_login("secret")));
}

// Somebody who does not know the password but says that it is right, to be sent records.
TEST(BrokerLogin, ScramRefusesABrokerThatDoesNotKnowThePassword) {
  ASSERT_TRUE(fails(scram_login("guess"), ErrorKind::kNotAuthorised, "SCRAM-SHA-512"));
}

TEST(BrokerLogin, OauthBearerSendsTheTokenOfAFile) {
  FakeBroker fake;
  fake.answer<SaslHandshakeRequest>(welcome);
  fake.answer<SaslAuthenticateRequest>([](const auto& request, const auto&) {
    SaslAuthenticateResponse response;
    if (request.auth_bytes.data == "\x01"s) {
      response.error_code = 58;
      response.error_message = "{\"status\":\"invalid_token\"}";
    } else if (request.auth_bytes.data !=
               "n,,\x01"
               "auth=Bearer good\x01\x01"s) {
      response.auth_bytes.data = "{\"status\":\"invalid_token\"}";
    }
    return response;
  });
  ClientConfig config;
  const test::TemporaryFile good("good\n");
  config.sasl.emplace();
  config.sasl->mechanism = SaslMechanism::kOauthBearer;
  config.sasl->token.file = good.path();
  EXPECT_TRUE(ok(connect(fake, config)));
  config.sasl->token = {.file = {}, .command = "printf canary"};
  const auto refused = connect(fake, config);
  ASSERT_TRUE(fails(refused, ErrorKind::kNotAuthorised, "invalid_token"));
  EXPECT_EQ(refused.error().message.find("canary"), std::string::npos);
  config.sasl->token = {.file = {}, .command = "exit 3"};
  ASSERT_TRUE(fails(connect(fake, config), ErrorKind::kNotAuthorised, "exit code 3"));
}

}  // namespace
}  // namespace kferry::wire
