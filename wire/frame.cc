#include "wire/frame.h"

#include "wire/decoder.h"
#include "wire/encoder.h"

namespace kferry::wire {
namespace {

// A struct without fields of its own: reads or writes the tagged fields that end a flexible header.
struct HeaderEnd {
  template <class Io>
  void fields(Io&) {}
};

}  // namespace

Result<> encode_request_header(const RequestHeader& header, bool flexible, std::string& out) {
  Encoder encoder(out, flexible ? 2 : 1, flexible);
  encoder.number(static_cast<int16_t>(header.api_key));
  encoder.number(header.api_version);
  encoder.number(header.correlation_id);
  encoder.classic_string("ClientId", header.client_id);
  encoder.end_struct();
  if (encoder.error().empty()) return {};
  return fail(ErrorKind::kFailed, fmt::format("request header: {}", encoder.error()));
}

Result<int32_t> take_response_header(std::string_view& frame, bool flexible) {
  Decoder decoder(frame, flexible ? 1 : 0, flexible);
  const auto correlation_id = decoder.number<int32_t>("CorrelationId");
  HeaderEnd end;
  decoder.end_struct(end);
  if (!decoder.error().empty())
    return fail(ErrorKind::kFailed, fmt::format("malformed response header: {}", decoder.error()));
  frame = decoder.rest();
  return correlation_id;
}

}  // namespace kferry::wire
