#include "kafkaio/config.h"

#include <gtest/gtest.h>

#include "kafkaio/jaas.h"

namespace kferry::kafkaio {
namespace {

using Properties = std::map<std::string, std::string>;

constexpr const char* kSecret = "s3cr3t-Pa55";

Properties parsed(std::string_view text) {
  const auto properties = parse_properties(text);
  EXPECT_TRUE(properties) << properties.error().message;
  return properties.value_or(Properties{});
}

// The error of check(), which must be a usage error without the secret.
std::string refused(const Properties& properties) {
  const auto result =
      check({.bootstrap_servers = "h:1", .properties = properties, .origin = "client.properties"});
  if (result) return "accepted";
  EXPECT_EQ(result.error().kind, ErrorKind::kUsage);
  EXPECT_EQ(result.error().message.find(kSecret), std::string::npos) << result.error().message;
  EXPECT_EQ(result.error().hint.find(kSecret), std::string::npos) << result.error().hint;
  return result.error().message;
}

TEST(ParseProperties, SeparatorsAndComments) {
  EXPECT_EQ(
      parsed("# a comment\n  ! another = one\n\na=1\nb:2\nc 3\n d = 4 \ne\nf==5\ng : : 6"),
      (Properties{
          {"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4 "}, {"e", ""}, {"f", "=5"}, {"g", ": 6"}}));
  EXPECT_EQ(parsed("a=1\r\nb=2\rc=3"), (Properties{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(parsed("a=1\na=2\n"), (Properties{{"a", "2"}}));
  EXPECT_EQ(parsed(""), Properties{});
  EXPECT_EQ(parsed("\xef\xbb\xbf"
                   "a=1"),
            (Properties{{"a", "1"}}));
}

TEST(ParseProperties, ContinuedLines) {
  EXPECT_EQ(parsed("a=one, \\\n   two, \\\r\n\tthree\nb=2"),
            (Properties{{"a", "one, two, three"}, {"b", "2"}}));
  // A backslash that is escaped continues nothing; a comment cannot be continued, nor a line in a
  // value be a comment.
  EXPECT_EQ(parsed("a=c:\\\\\nb=2"), (Properties{{"a", "c:\\"}, {"b", "2"}}));
  EXPECT_EQ(parsed("# note \\\na=1"), (Properties{{"a", "1"}}));
  EXPECT_EQ(parsed("a=1\\\n#2"), (Properties{{"a", "1#2"}}));
  EXPECT_EQ(parsed("a=1\\"), (Properties{{"a", "1"}}));
}

TEST(ParseProperties, Escapes) {
  EXPECT_EQ(parsed(R"(a\=b\:c\ d = \t\n\q\\)"), (Properties{{"a=b:c d", "\t\nq\\"}}));
  EXPECT_EQ(parsed(R"(a=\u0041\u00e9\u20AC\ud83d\ude00)"), (Properties{{"a", "Aé€😀"}}));
  for (const char* const malformed :
       {R"(a=\u12)", R"(a=\u12g4)", R"(a=\ud83d)", R"(a=\ud83dx)", R"(a=\ude00)"}) {
    const auto result =
        parse_properties(std::string("\n# x\npassword=") + kSecret + "\n" + malformed);
    ASSERT_FALSE(result) << malformed;
    EXPECT_EQ(result.error().kind, ErrorKind::kUsage);
    EXPECT_EQ(result.error().message, "line 4: a malformed \\uXXXX escape");
  }
  EXPECT_EQ(parse_properties("a=1\n=2").error().message, "line 2: no key before the separator");
}

TEST(ParseJaas, UserAndPassword) {
  const auto login = parse_jaas(
      "org.apache.kafka.common.security.plain.PlainLoginModule required \n"
      "   username=\"a \\\"b\\\" \\\\c\"\n password='p=;\"x' serviceName=kafka;  ");
  ASSERT_TRUE(login) << login.error().message;
  EXPECT_EQ(login->user, R"(a "b" \c)");
  EXPECT_EQ(login->password, "p=;\"x");
  const auto scram = parse_jaas(
      "org.apache.kafka.common.security.scram.ScramLoginModule REQUIRED username=u password=p;");
  ASSERT_TRUE(scram) << scram.error().message;
  EXPECT_EQ(scram->user, "u");
}

TEST(ParseJaas, Kerberos) {
  const auto login = parse_jaas(
      "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true "
      "keyTab=\"/etc/app.keytab\" principal=\"app@EXAMPLE.COM\" serviceName=broker;");
  ASSERT_TRUE(login) << login.error().message;
  EXPECT_EQ(login->keytab, "/etc/app.keytab");
  EXPECT_EQ(login->principal, "app@EXAMPLE.COM");
  EXPECT_EQ(login->service_name, "broker");
}

TEST(ParseJaas, ErrorsKeepTheSecret) {
  const std::string module = "org.apache.kafka.common.security.plain.PlainLoginModule";
  const std::string secret = kSecret;
  for (const std::string& text :
       {std::string(), secret, module + " required username=\"u\" password=\"" + secret + "\"",
        module + " required username=\"u\" password=\"" + secret + ";",
        module + " required username=\"u\" password " + secret + ";",
        module + " required password=" + secret + ";",
        module + " " + secret + " username=u password=p;",
        "com.example.OwnLoginModule required keyTab=" + secret + ";"}) {
    const auto login = parse_jaas(text);
    ASSERT_FALSE(login) << text;
    EXPECT_EQ(login.error().kind, ErrorKind::kUsage);
    EXPECT_EQ((login.error().message + login.error().hint).find(secret), std::string::npos);
  }
}

TEST(ToLibrdkafka, KeysOfAJavaClient) {
  EXPECT_EQ(to_librdkafka({.bootstrap_servers = "",
                           .properties = {{"bootstrap.servers", "h:1"},
                                          {"client.dns.lookup", "use_all_dns_ips"},
                                          {"config.providers", "file"},
                                          {"config.providers.file.class", "x"},
                                          {"request.timeout.ms", "20000"},
                                          {"client.id", "me"},
                                          {"socket.nagle.disable", "true"}}}),
            (Properties{{"bootstrap.servers", "h:1"},
                        {"socket.timeout.ms", "20000"},
                        {"client.id", "me"},
                        {"socket.nagle.disable", "true"}}));
}

TEST(ToLibrdkafka, BootstrapServersAndOldBrokers) {
  EXPECT_EQ(to_librdkafka({.bootstrap_servers = "a:1",
                           .properties = {{"bootstrap.servers", "b:2"}},
                           .broker_version_fallback = "0.9.0.1"}),
            (Properties{{"bootstrap.servers", "a:1"},
                        {"api.version.request", "false"},
                        {"broker.version.fallback", "0.9.0.1"}}));
}

TEST(Check, NamesTheKeyAndItsOriginNeverTheValue) {
  const std::string secret = kSecret;
  EXPECT_EQ(refused({{"group.pasword", secret}}),
            "client.properties: unknown property group.pasword");
  EXPECT_EQ(refused({{"request.timeout.ms", secret}}),
            "client.properties: request.timeout.ms has a value that librdkafka does not take");
  EXPECT_FALSE(check({.bootstrap_servers = ""}));
}

}  // namespace
}  // namespace kferry::kafkaio
