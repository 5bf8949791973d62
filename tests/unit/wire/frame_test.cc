#include "wire/frame.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/java_wire.h"

namespace kferry::wire {
namespace {

using namespace std::string_literals;

const RequestHeader kHeaders[] = {
    {ApiKey::kJoinGroup, 9, 1, "kferry"},
    {ApiKey::kApiVersions, 3, std::numeric_limits<int32_t>::max(), ""},
    {ApiKey::kOffsetFetch, 0, -7, "gr\u00fcn " + std::string(200, 'x')},
};

TEST(Frame, RequestHeadersAreTheBytesOfTheJavaClient) {
  std::vector<test::WireQuestion> questions;
  std::vector<std::string> ours;
  for (const RequestHeader& header : kHeaders)
    for (const bool flexible : {false, true}) {
      const nlohmann::json json = {{"requestApiKey", static_cast<int>(header.api_key)},
                                   {"requestApiVersion", header.api_version},
                                   {"correlationId", header.correlation_id},
                                   {"clientId", header.client_id}};
      questions.push_back({"RequestHeader", flexible ? 2 : 1, json.dump()});
      std::string bytes;
      ASSERT_TRUE(encode_request_header(header, flexible, bytes));
      ours.push_back(test::to_hex(bytes));
    }
  EXPECT_EQ(test::java_bytes("3.9.1", questions), ours);
}

TEST(Frame, ResponseHeadersOfTheJavaClientAreRead) {
  const std::vector<int32_t> ids{0, 1, -1, std::numeric_limits<int32_t>::min()};
  std::vector<test::WireQuestion> questions;
  for (const int32_t id : ids)
    for (const int version : {0, 1})
      questions.push_back(
          {"ResponseHeader", version, nlohmann::json{{"correlationId", id}}.dump()});
  const std::vector<std::string> answers = test::java_bytes("4.2.0", questions);
  for (size_t i = 0; i < answers.size(); ++i) {
    const std::string bytes = test::from_hex(answers[i]) + "body";
    std::string_view frame = bytes;
    EXPECT_EQ(take_response_header(frame, questions[i].version == 1), ids[i / 2]) << answers[i];
    EXPECT_EQ(frame, "body");
  }
}

TEST(Frame, UnknownTaggedFieldsOfAResponseHeaderAreSkipped) {
  const std::string bytes = "\0\0\0\5\2\0\1a\x09\0body"s;
  std::string_view frame = bytes;
  EXPECT_EQ(take_response_header(frame, true), 5);
  EXPECT_EQ(frame, "body");
}

TEST(Frame, MalformedResponseHeadersAreErrors) {
  for (const std::string& bytes :
       {""s, "\0\0\0"s, "\0\0\0\5"s, "\0\0\0\5\1"s, "\0\0\0\5\1\0\3ab"s}) {
    std::string_view frame = bytes;
    const Result<int32_t> result = take_response_header(frame, true);
    ASSERT_FALSE(result) << test::to_hex(bytes);
    EXPECT_NE(result.error().message.find("malformed response header"), std::string::npos);
  }
}

TEST(Frame, ATooLongClientIdIsAnError) {
  std::string out;
  const Result<> result =
      encode_request_header({ApiKey::kMetadata, 1, 1, std::string(32768, 'x')}, false, out);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("ClientId"), std::string::npos);
}

}  // namespace
}  // namespace kferry::wire
