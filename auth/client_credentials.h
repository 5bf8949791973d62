// An access token for an OAuth client (RFC 6749, section 4.4).
#pragma once

#include <cstdint>
#include <string>

#include "base/client_security.h"
#include "base/interrupt.h"
#include "base/result.h"

namespace kferry::auth {

struct IssuedToken {
  std::string text;
  int64_t expires_ms = -1;  // since the epoch; -1: the endpoint does not say
};

// Asks the token endpoint, as Java's ClientCredentialsJwtRetriever does: id and secret go in the
// Authorization header. A token is given to all logins of a minute. kNotAuthorised: the endpoint
// refuses, or answers with no token: the message has the HTTP status and OAuth's error code.
// kUnreachable: no answer, or one that the server is in trouble; kInterrupted. No error holds the
// secret or a token.
Result<IssuedToken> client_credentials_token(const OidcSettings& settings, const Wait& wait);

}  // namespace kferry::auth
