#include "tests/support/wire_request.h"

#include "tests/support/all_messages.h"
#include "tests/support/sockets.h"

namespace kferry::test {
namespace {

template <class... Requests>
bool is_flexible_among(std::type_identity<std::tuple<Requests...>>, wire::ApiKey api_key,
                       int16_t version) {
  return ((Requests::kApiKey == api_key && version >= Requests::kFlexibleSince) || ...);
}

}  // namespace

bool is_flexible(wire::ApiKey api_key, int16_t version) {
  return is_flexible_among(std::type_identity<wire::AllRequests>{}, api_key, version);
}

WireRequest parse_request(std::string_view frame) {
  WireRequest request;
  wire::Decoder decoder(frame, 1, false);
  request.header.api_key = static_cast<wire::ApiKey>(decoder.number<int16_t>("ApiKey"));
  request.header.api_version = decoder.number<int16_t>("ApiVersion");
  request.header.correlation_id = decoder.number<int32_t>("CorrelationId");
  std::optional<std::string> client_id;
  decoder("ClientId", client_id, {.nullable = wire::since(0)});
  if (!decoder.error().empty()) throw std::runtime_error("request header: " + decoder.error());
  request.header.client_id = client_id.value_or("");
  std::string_view rest = decoder.rest();
  // Our own headers have no tagged fields: one byte says so.
  if (is_flexible(request.api_key(), request.version())) rest.remove_prefix(1);
  request.body = rest;
  return request;
}

std::string response_header(const WireRequest& request, int32_t correlation_id) {
  std::string header = int32_bytes(correlation_id);
  if (is_flexible(request.api_key(), request.version()) &&
      request.api_key() != wire::ApiKey::kApiVersions)
    header.push_back('\0');
  return header;
}

std::string response_body(const WireRequest& request, std::string_view frame) {
  return std::string(frame.substr(response_header(request, 0).size()));
}

}  // namespace kferry::test
