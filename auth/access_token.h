// The access token of OAUTHBEARER, from where the user keeps it or who issues it.
#pragma once

#include <cstdint>
#include <string>

#include "base/client_security.h"
#include "base/interrupt.h"
#include "base/result.h"

namespace kferry::auth {

// Reads the file, runs the command, asks the token endpoint, or signs one; `host` is the broker's
// that it is for. kNotAuthorised: there is no token, or it has characters that RFC 6750 does not
// allow, or it has expired; kUnreachable: a service that gives one cannot be reached; kInterrupted.
// No error holds the token.
Result<std::string> fetch_access_token(const TokenSource& source, const std::string& host,
                                       const Wait& wait);

// `exp` of a JSON web token (RFC 7519) in milliseconds since the epoch; -1 when `token` is none, or
// does not say. Its signature is the broker's to check.
int64_t expiry_of_jwt(const std::string& token);

}  // namespace kferry::auth
