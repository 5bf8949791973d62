#include "base/client_security.h"

namespace kferry {

std::string_view to_string(SaslMechanism mechanism) {
  switch (mechanism) {
    case SaslMechanism::kPlain:
      return "PLAIN";
    case SaslMechanism::kScramSha256:
      return "SCRAM-SHA-256";
    case SaslMechanism::kScramSha512:
      return "SCRAM-SHA-512";
    case SaslMechanism::kGssapi:
      return "GSSAPI";
    case SaslMechanism::kOauthBearer:
      return "OAUTHBEARER";
  }
  return "?";
}

}  // namespace kferry
