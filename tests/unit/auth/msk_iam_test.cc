#include "auth/msk_iam.h"

#include <gtest/gtest.h>

#include "auth/base64.h"
#include "tests/support/expectations.h"

namespace kferry::auth {
namespace {

using test::has;

constexpr int64_t kTime = 1'440'938'160'000;  // 2015-08-30T12:36:00Z

std::string url_in(const std::string& token) {
  return decode_base64url(token);
}

TEST(MskIam, ATokenIsASignedRequest) {
  const std::string url = url_in(msk_iam_token({"AKIA1", "canary"}, "eu-west-1", kTime));
  EXPECT_EQ(url.substr(0, url.find("X-Amz-Signature")),
            "https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect&"
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&"
            "X-Amz-Credential=AKIA1%2F20150830%2Feu-west-1%2Fkafka-cluster%2Faws4_request&"
            "X-Amz-Date=20150830T123600Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&");
  EXPECT_TRUE(has(url, "&User-Agent=kferry%2F"));
  EXPECT_EQ(url.find("canary"), std::string::npos) << "the key itself is not told";
}

TEST(MskIam, CredentialsThatEndHaveATokenOfTheirOwn) {
  const std::string url = url_in(msk_iam_token({"ASIA1", "s", "to/ken"}, "eu-west-1", kTime));
  EXPECT_TRUE(has(url, "&X-Amz-Security-Token=to%2Fken&"));
  EXPECT_EQ(url_in(msk_iam_token({"ASIA1", "s"}, "eu-west-1", kTime)).find("Security-Token"),
            std::string::npos);
}

TEST(MskIam, TheRegionIsInTheNamesOfBrokers) {
  EXPECT_EQ(region_of_host("b-1.orders.abc123.c2.kafka.eu-west-1.amazonaws.com"), "eu-west-1");
  EXPECT_EQ(region_of_host("boot-x.c1.kafka-serverless.us-gov-west-1.amazonaws.com"),
            "us-gov-west-1");
  EXPECT_EQ(region_of_host("b-1.orders.abc.c2.kafka.cn-north-1.amazonaws.com.cn"), "cn-north-1");
  EXPECT_EQ(region_of_host("vpce-1.kafka.ap-southeast-2.vpce.amazonaws.com"), "ap-southeast-2");
  for (const char* const none :
       {"", "localhost", "kafka1.eu-west-1.example.com", "amazonaws.com", "x..amazonaws.com"})
    EXPECT_EQ(region_of_host(none), "") << none;
}

}  // namespace
}  // namespace kferry::auth
