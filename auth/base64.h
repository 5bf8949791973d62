// Base64 (RFC 4648).
#pragma once

#include <string>
#include <string_view>

namespace kferry::auth {

// Section 4, with padding.
std::string base64(std::string_view bytes);

// Section 5, without padding.
std::string base64url(std::string_view bytes);

// Of section 5 without padding; empty when `text` is none.
std::string decode_base64url(std::string_view text);

}  // namespace kferry::auth
