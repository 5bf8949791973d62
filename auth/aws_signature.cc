#include "auth/aws_signature.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth/http_client.h"
#include "base/clock.h"

namespace kferry::auth {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return {digest.begin(), digest.begin() + size};
}

std::string hmac(const std::string& key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), code.data(), &size);
  return {code.begin(), code.begin() + size};
}

// "20150830T123600Z"
std::string compact_time(int64_t at_ms) {
  std::string text = to_rfc3339(at_ms);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text.substr(0, text.find('.')) + "Z";
}

// What a signature is good for, such as "20150830/us-east-1/sts/aws4_request".
std::string scope_text(const AwsScope& scope) {
  return fmt::format("{}/{}/{}/aws4_request", compact_time(scope.at_ms).substr(0, 8), scope.region,
                     scope.service);
}

std::string signed_names(const AwsRequest& request) {
  std::string names;
  for (const auto& [name, value] : request.header) names += (names.empty() ? "" : ";") + name;
  return names;
}

std::string canonical(const AwsRequest& request) {
  std::vector<std::pair<std::string, std::string>> encoded;
  for (const auto& [name, value] : request.query)
    encoded.emplace_back(percent_encode(name), percent_encode(value));
  std::ranges::sort(encoded);
  std::string query;
  for (const auto& [name, value] : encoded)
    query += (query.empty() ? "" : "&") + name + "=" + value;
  std::string header;
  for (const auto& [name, value] : request.header) header += name + ":" + value + "\n";
  return fmt::format("{}\n/\n{}\n{}\n{}\n{}", request.method, query, header, signed_names(request),
                     hex(sha256(request.body)));
}

}  // namespace

std::string aws_signature(const AwsRequest& request, const AwsCredentials& credentials,
                          const AwsScope& scope) {
  const std::string time = compact_time(scope.at_ms);
  std::string key = "AWS4" + credentials.secret_access_key;
  for (const std::string& part : {time.substr(0, 8), scope.region, scope.service})
    key = hmac(key, part);
  key = hmac(key, "aws4_request");
  return hex(hmac(key, fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, scope_text(scope),
                                   hex(sha256(canonical(request))))));
}

void sign_query(AwsRequest& request, const AwsCredentials& credentials, const AwsScope& scope,
                int life_seconds) {
  auto& query = request.query;
  query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  query.emplace_back("X-Amz-Credential", credentials.access_key_id + "/" + scope_text(scope));
  query.emplace_back("X-Amz-Date", compact_time(scope.at_ms));
  query.emplace_back("X-Amz-Expires", std::to_string(life_seconds));
  if (!credentials.session_token.empty())
    query.emplace_back("X-Amz-Security-Token", credentials.session_token);
  query.emplace_back("X-Amz-SignedHeaders", signed_names(request));
  query.emplace_back("X-Amz-Signature", aws_signature(request, credentials, scope));
}

void sign_header(AwsRequest& request, const AwsCredentials& credentials, const AwsScope& scope) {
  request.header["x-amz-date"] = compact_time(scope.at_ms);
  if (!credentials.session_token.empty())
    request.header["x-amz-security-token"] = credentials.session_token;
  const std::string names = signed_names(request);
  request.header["authorization"] = fmt::format(
      "{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm, credentials.access_key_id,
      scope_text(scope), names, aws_signature(request, credentials, scope));
}

}  // namespace kferry::auth
