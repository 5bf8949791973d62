// Signature Version 4 of AWS, as "Create a signed AWS API request" (IAM user guide) describes it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace kferry::auth {

struct AwsCredentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token = {};  // empty: credentials that last
  int64_t expires_ms = -1;         // since the epoch; -1: never, or nobody knows
};

// A request for the path "/". Nothing of it is encoded.
struct AwsRequest {
  std::string method;
  std::vector<std::pair<std::string, std::string>> query = {};
  std::map<std::string, std::string> header = {};  // by lower-case names; all of it is signed
  std::string body = {};
};

struct AwsScope {
  std::string region;
  std::string service;  // its signing name
  int64_t at_ms = 0;    // since the epoch: when it is signed
};

// 64 hexadecimal digits. The request must have what says how it is signed, as
// sign_query() and sign_header() put it there.
std::string aws_signature(const AwsRequest& request, const AwsCredentials& credentials,
                          const AwsScope& scope);

// Signs by parameters: adds X-Amz-Algorithm, -Credential, -Date, -Expires, -Security-Token,
// -SignedHeaders and then -Signature to the query. Whoever has it may use it for `life_seconds`.
void sign_query(AwsRequest& request, const AwsCredentials& credentials, const AwsScope& scope,
                int life_seconds);

// Signs by headers: adds x-amz-date, x-amz-security-token and then authorization.
void sign_header(AwsRequest& request, const AwsCredentials& credentials, const AwsScope& scope);

}  // namespace kferry::auth
