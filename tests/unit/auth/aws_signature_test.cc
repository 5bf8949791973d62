// Against what AWS has published: its signing test suite (aws-c-auth), and the examples of its
// documentation.
#include "auth/aws_signature.h"

#include <gtest/gtest.h>

namespace kferry::auth {
namespace {

constexpr int64_t kSuiteTime = 1'440'938'160'000;  // 2015-08-30T12:36:00Z

const AwsCredentials kSuite{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
const AwsScope kService{"us-east-1", "service", kSuiteTime};

// The last parameter of a query signed for an hour, as the suite does it.
std::string signed_query(std::vector<std::pair<std::string, std::string>> query) {
  AwsRequest request{
      .method = "GET", .query = std::move(query), .header = {{"host", "example.amazonaws.com"}}};
  sign_query(request, kSuite, kService, 3600);
  EXPECT_EQ(request.query.back().first, "X-Amz-Signature");
  return request.query.back().second;
}

std::string signature_in_header(AwsRequest request, const AwsCredentials& credentials,
                                const AwsScope& scope) {
  sign_header(request, credentials, scope);
  const std::string& line = request.header.at("authorization");
  return line.substr(line.rfind('=') + 1);
}

TEST(AwsSignature, OfParameters) {
  EXPECT_EQ(signed_query({}), "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d")
      << "get-vanilla-query";
  EXPECT_EQ(signed_query({{"Param-3", "Value3"}, {"Param", "Value2"}, {"\xe1\x88\xb4", "Value1"}}),
            "c5f1848ceec943ac2ca68ee720460c23aaae30a2300586597ada94c4a65e4787")
      << "get-vanilla-query-order-encoded";
  EXPECT_EQ(signed_query({{"\xe1\x88\xb4", "bar"}}),
            "0bdd809b1519ac4f0c1dc3540e2cc46bd0c7f778eda408b2ebf3b913d21ff600")
      << "get-vanilla-utf8-query";
  const std::string unreserved =
      "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  EXPECT_EQ(signed_query({{unreserved, unreserved}}),
            "8e76a88a7433637b12778d5592799b29ad21ecd6cf6325051c21d86f0acda2bf")
      << "get-vanilla-query-unreserved";
}

TEST(AwsSignature, OfHeaders) {
  const AwsRequest vanilla{.method = "GET", .header = {{"host", "example.amazonaws.com"}}};
  EXPECT_EQ(signature_in_header(vanilla, kSuite, kService),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
      << "get-vanilla";

  AwsCredentials session = kSuite;
  session.session_token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
  EXPECT_EQ(signature_in_header(vanilla, session, kService),
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8")
      << "get-vanilla-with-session-token";

  const std::string form = "application/x-www-form-urlencoded";
  const AwsRequest post{
      .method = "POST",
      .header = {{"host", "example.amazonaws.com"},
                 {"content-type", form},
                 {"content-length", "13"},
                 {"x-amz-content-sha256",
                  "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"}},
      .body = "Param1=value1"};
  EXPECT_EQ(signature_in_header(post, kSuite, kService),
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b")
      << "post-x-www-form-urlencoded";
}

TEST(AwsSignature, TheExampleOfTheDocumentation) {
  AwsRequest request{
      .method = "GET",
      .query = {{"Action", "ListUsers"}, {"Version", "2010-05-08"}},
      .header = {{"host", "iam.amazonaws.com"},
                 {"content-type", "application/x-www-form-urlencoded; charset=utf-8"}}};
  sign_header(request, kSuite, {"us-east-1", "iam", kSuiteTime});
  EXPECT_EQ(request.header.at("authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

}  // namespace
}  // namespace kferry::auth
