#include "kafkaio/security.h"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/support/command.h"
#include "tests/support/expectations.h"

namespace kferry::kafkaio {
namespace {

using Properties = std::map<std::string, std::string>;
using test::fails;
using test::has;
using test::ok;
using test::TemporaryFile;

constexpr const char* kSecret = "s3cr3t-Pa55";

struct Taken {
  ClientSecurity security;
  Properties rest;
};

Taken taken(Properties properties) {
  auto security = take_security(properties, "client.properties");
  EXPECT_TRUE(ok(security));
  return {security.value_or(ClientSecurity{}), properties};
}

// The error, which must be a usage error without the secret.
std::string refused(Properties properties) {
  const auto security = take_security(properties, "client.properties");
  if (security) return "accepted";
  EXPECT_EQ(security.error().kind, ErrorKind::kUsage);
  const std::string text = security.error().message + " / " + security.error().hint;
  EXPECT_EQ(text.find(kSecret), std::string::npos) << text;
  return text;
}

TEST(Security, NothingSaidIsPlaintext) {
  const Taken found = taken({{"client.id", "me"}, {"ssl.key.password", kSecret}});
  EXPECT_FALSE(found.security.tls);
  EXPECT_FALSE(found.security.sasl);
  EXPECT_EQ(found.rest, (Properties{{"client.id", "me"}})) << "what is not asked for does nothing";
}

TEST(Security, KeysOfAJavaClient) {
  const TemporaryFile trust("-----BEGIN CERTIFICATE-----");
  const TemporaryFile keys("\x30\x82");
  const Taken found = taken({{"security.protocol", "sasl_ssl"},
                             {"sasl.mechanism", "SCRAM-SHA-512"},
                             {"sasl.jaas.config",
                              "org.apache.kafka.common.security.scram.ScramLoginModule required "
                              "username=\"alice\" password=\"wonder\";"},
                             {"ssl.truststore.location", trust.path()},
                             {"ssl.truststore.type", "PEM"},
                             {"ssl.keystore.location", keys.path()},
                             {"ssl.keystore.password", "k"},
                             {"ssl.endpoint.identification.algorithm", ""},
                             {"ssl.enabled.protocols", "TLSv1.2,TLSv1.3"},
                             {"sasl.login.refresh.buffer.seconds", "300"},
                             {"request.timeout.ms", "20000"}});
  ASSERT_TRUE(found.security.tls && found.security.sasl);
  EXPECT_EQ(found.security.tls->ca_location, trust.path());
  EXPECT_EQ(found.security.tls->key_store, keys.path());
  EXPECT_EQ(found.security.tls->key_store_password, "k");
  EXPECT_TRUE(found.security.tls->verify_certificate);
  EXPECT_FALSE(found.security.tls->verify_host);
  EXPECT_EQ(found.security.sasl->user, "alice");
  EXPECT_EQ(found.rest, (Properties{{"request.timeout.ms", "20000"}}));
}

TEST(Security, KeysOfLibrdkafka) {
  const Properties given{{"security.protocol", "ssl"},
                         {"ssl.ca.location", "/ca.pem"},
                         {"ssl.certificate.location", "/me.pem"},
                         {"ssl.key.location", "/me.key"},
                         {"ssl.key.password", "k"},
                         {"ssl.crl.location", "/crl.pem"},
                         {"ssl.cipher.suites", "ECDHE-RSA-AES256-GCM-SHA384"},
                         {"ssl.endpoint.identification.algorithm", "https"},
                         {"enable.ssl.certificate.verification", "true"}};
  const Taken found = taken(given);
  EXPECT_TRUE(found.rest.empty());
  ASSERT_TRUE(found.security.tls);
  const TlsSettings& tls = *found.security.tls;
  EXPECT_TRUE(tls.verify_host);
  EXPECT_TRUE(tls.verify_certificate);
  EXPECT_EQ(tls.ca_location, "/ca.pem");
  EXPECT_EQ(tls.certificate_location, "/me.pem");
  EXPECT_EQ(tls.key_location, "/me.key");
  EXPECT_EQ(tls.key_password, "k");
  EXPECT_EQ(tls.crl_location, "/crl.pem");
  EXPECT_EQ(tls.cipher_suites, "ECDHE-RSA-AES256-GCM-SHA384");
}

TEST(Security, KerberosIsTheDefaultMechanism) {
  const Taken found =
      taken({{"security.protocol", "SASL_PLAINTEXT"},
             {"sasl.jaas.config",
              "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true "
              "keyTab=\"/k\" principal=\"me@R\";"},
             {"sasl.kerberos.service.name", "broker"}});
  ASSERT_TRUE(found.security.sasl);
  EXPECT_EQ(found.security.sasl->mechanism, SaslMechanism::kGssapi);
  EXPECT_EQ(found.security.sasl->service_name, "broker");
  EXPECT_EQ(found.security.sasl->keytab, "/k");
  EXPECT_EQ(found.security.sasl->user, "me@R");
  EXPECT_TRUE(found.rest.empty());
}

TEST(Security, TokensComeFromAFileOrACommand) {
  const Properties base{
      {"security.protocol", "SASL_SSL"},
      {"sasl.mechanism", "OAUTHBEARER"},
      {"sasl.login.callback.handler.class",
       "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"},
      {"sasl.jaas.config",
       "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"}};
  const auto with = [&](const Properties& more) {
    Properties all = base;
    all.insert(more.begin(), more.end());
    return all;
  };
  EXPECT_EQ(taken(with({{"sasl.oauthbearer.token.endpoint.url", "file:///run/token"}}))
                .security.sasl->token.file,
            "/run/token");
  EXPECT_EQ(taken(with({{"kferry.sasl.oauthbearer.token.command", "vault token"}}))
                .security.sasl->token.command,
            "vault token");
  EXPECT_TRUE(has(refused(base), "there must be one source of tokens"));
  Properties foreign = with({{"sasl.oauthbearer.token.endpoint.url", "file:///run/token"}});
  foreign["sasl.login.callback.handler.class"] = "software.amazon.msk.IAMClientCallbackHandler";
  EXPECT_TRUE(has(refused(foreign), "kferry cannot run a Java class"));
}

TEST(Security, AnIdentityAtAwsByTheKeysOfItsLibrary) {
  const Properties iam{
      {"security.protocol", "SASL_SSL"},
      {"sasl.mechanism", "AWS_MSK_IAM"},
      {"sasl.client.callback.handler.class",
       "software.amazon.msk.auth.iam.IAMClientCallbackHandler"},
      {"sasl.jaas.config",
       "software.amazon.msk.auth.iam.IAMLoginModule required awsProfileName=\"movers\" "
       "awsRoleArn=\"arn:aws:iam::1:role/m\" awsStsRegion=\"eu-west-1\" awsDebugCreds=true;"}};
  const Taken found = taken(iam);
  ASSERT_TRUE(found.security.sasl && found.security.sasl->token.msk_iam);
  EXPECT_EQ(found.security.sasl->mechanism, SaslMechanism::kOauthBearer) << "it is told by a token";
  EXPECT_EQ(found.security.sasl->token.msk_iam->profile, "movers");
  EXPECT_EQ(found.security.sasl->token.msk_iam->role_arn, "arn:aws:iam::1:role/m");
  EXPECT_EQ(found.security.sasl->token.msk_iam->sts_region, "eu-west-1");

  const Taken by_token =
      taken({{"security.protocol", "SASL_SSL"},
             {"sasl.mechanism", "OAUTHBEARER"},
             {"sasl.login.callback.handler.class",
              "software.amazon.msk.auth.iam.IAMOAuthBearerLoginCallbackHandler"},
             {"sasl.jaas.config",
              "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"},
             {"kferry.aws.region", "eu-west-2"}});
  ASSERT_TRUE(by_token.security.sasl && by_token.security.sasl->token.msk_iam);
  EXPECT_EQ(by_token.security.sasl->token.msk_iam->region, "eu-west-2");
  EXPECT_TRUE(by_token.rest.empty());

  const auto with = [&](const std::string& key, const std::string& value) {
    Properties changed = iam;
    changed[key] = value;
    return refused(changed);
  };
  const std::string module = "software.amazon.msk.auth.iam.IAMLoginModule required ";
  EXPECT_TRUE(has(with("sasl.jaas.config", module + "awsProfil=\"movers\";"), "'awsProfil'"));
  EXPECT_TRUE(has(with("sasl.jaas.config", module + "awsRoleSecretAccessKey=\"" + kSecret + "\";"),
                  "belong together"));
  EXPECT_TRUE(has(with("kferry.sasl.oauthbearer.token.command", "aws-token"), "of its own"));
}

TEST(Security, AnOauthClientByTheKeysOfJavaOrOfLibrdkafka) {
  const std::string module =
      "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required";
  const Properties url{{"security.protocol", "SASL_SSL"},
                       {"sasl.mechanism", "OAUTHBEARER"},
                       {"sasl.oauthbearer.token.endpoint.url", "https://idp/token"}};
  const auto with = [&](Properties more) {
    more.insert(url.begin(), url.end());
    return more;
  };
  const Properties by_jaas =
      with({{"sasl.jaas.config", module + " clientId=\"me\" clientSecret=\"s\" "
                                          "scope=\"a b\" extension_pool=\"p\";"}});
  const Properties by_java{{"sasl.oauthbearer.client.credentials.client.id", "me"},
                           {"sasl.oauthbearer.client.credentials.client.secret", "s"},
                           {"sasl.oauthbearer.scope", "a b"},
                           {"sasl.oauthbearer.extensions", "pool=p"},
                           {"sasl.jaas.config", module + " clientSecret=\"old\";"}};
  const Properties by_librdkafka{{"sasl.oauthbearer.method", "oidc"},
                                 {"sasl.oauthbearer.client.id", "me"},
                                 {"sasl.oauthbearer.client.secret", "s"},
                                 {"sasl.oauthbearer.scope", "a b"},
                                 {"sasl.oauthbearer.extensions", "pool=p"}};
  for (const Properties& one : {by_jaas, with(by_java), with(by_librdkafka)}) {
    const Taken found = taken(one);
    ASSERT_TRUE(found.security.sasl && found.security.sasl->token.oidc);
    const OidcSettings& oidc = *found.security.sasl->token.oidc;
    EXPECT_EQ(oidc.token_endpoint, "https://idp/token");
    EXPECT_EQ(oidc.client_id, "me");
    EXPECT_EQ(oidc.client_secret, "s");
    EXPECT_EQ(oidc.scope, "a b");
    EXPECT_EQ(found.security.sasl->token.extensions, (Properties{{"pool", "p"}}));
    EXPECT_TRUE(found.rest.empty());
  }
  EXPECT_TRUE(has(refused(with({{"sasl.oauthbearer.client.secret", kSecret}})),
                  "the client's id or its secret is missing"));
  Properties wrong = with(by_librdkafka);
  wrong["sasl.oauthbearer.extensions"] = "auth=x";
  EXPECT_TRUE(has(refused(wrong), "a name is not of letters"));
  wrong = with(by_librdkafka);
  wrong["sasl.oauthbearer.token.endpoint.url"] = std::string("https://me:") + kSecret + "@idp/";
  EXPECT_TRUE(has(refused(wrong), "must have no user in it"));
  wrong = with(by_librdkafka);
  wrong["kferry.sasl.oauthbearer.token.command"] = "vault token";
  EXPECT_TRUE(has(refused(wrong), "there must be one source of tokens"));
  EXPECT_TRUE(has_plain_secret({{"sasl.oauthbearer.client.secret", "x"}}));
}

TEST(Security, WhatCannotBeDoneIsRefusedWithTheKeyAndTheWayOut) {
  const std::string secret = kSecret;
  EXPECT_TRUE(
      has(refused({{"sasl.pasword", secret}}), "client.properties: unknown property sasl.pasword"));
  EXPECT_TRUE(has(refused({{"security.protocol", secret}}),
                  "client.properties: security.protocol: takes PLAINTEXT, SSL"));
  const auto ssl = [&](const Properties& more) {
    Properties all = more;
    all["security.protocol"] = "SSL";
    return refused(all);
  };
  EXPECT_TRUE(has(ssl({{"ssl.sigalgs.list", "x"}}), "unknown property ssl.sigalgs.list"));
  EXPECT_TRUE(has(ssl({{"ssl.engine.factory.class", "x"}}), "cannot run a Java class"));
  EXPECT_TRUE(has(ssl({{"ssl.enabled.protocols", "TLSv1"}}), "neither TLSv1.2 nor TLSv1.3"));
  EXPECT_TRUE(has(ssl({{"ssl.truststore.location", "/nowhere"}}), "'/nowhere' cannot be read"));
  const TemporaryFile jks("\xfe\xed\xfe\xed\x00");
  for (const char* const key : {"ssl.truststore.location", "ssl.keystore.location"}) {
    const std::string text = ssl({{key, jks.path()}});
    EXPECT_TRUE(has(text, std::string(key) + ": '" + jks.path() + "' is a JKS store"));
    EXPECT_TRUE(has(text, "keytool -importkeystore -srckeystore '" + jks.path() + "'"));
  }
  const TemporaryFile text("hello");
  EXPECT_TRUE(has(ssl({{"ssl.keystore.location", text.path()}}), "is neither PKCS#12 nor PEM"));
  EXPECT_TRUE(has(ssl({{"ssl.keystore.location", text.path()}, {"ssl.keystore.type", "BCFKS"}}),
                  "stores of this type cannot be read"));
  EXPECT_TRUE(has(refused({{"security.protocol", "SASL_SSL"}, {"sasl.jaas.config", secret}}),
                  "client.properties: sasl.jaas.config: not a JAAS configuration"));
  EXPECT_TRUE(has(refused({{"security.protocol", "SASL_SSL"}, {"sasl.mechanism", "PLAIN"}}),
                  "there is no user to log in as"));
  EXPECT_TRUE(has(refused({{"security.protocol", "SASL_SSL"}, {"sasl.mechanism", "DIGEST-MD5"}}),
                  "sasl.mechanism: takes PLAIN"));
}

TEST(Security, SecretsThatStandThereAreSeen) {
  EXPECT_FALSE(has_plain_secret({{"client.id", "x"}, {"sasl.username", "u"}}));
  EXPECT_FALSE(has_plain_secret({{"sasl.password", "${env:P}"}, {"ssl.key.password", ""}}));
  EXPECT_TRUE(has_plain_secret({{"ssl.keystore.password", "x"}}));
  EXPECT_TRUE(has_plain_secret({{"source.sasl.jaas.config", "x"}}));
}

}  // namespace
}  // namespace kferry::kafkaio
