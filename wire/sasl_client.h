// Our side of a login by SASL (RFC 4422): what to say, and what the broker's words mean.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/client_security.h"
#include "base/interrupt.h"
#include "base/result.h"

namespace kferry::wire {

// One login. Not thread-safe. After an error it is over.
class SaslClient {
 public:
  // `host` is the broker's, for GSSAPI. Makes the mechanism ready, and gets the token of
  // OAUTHBEARER. kUsage: the mechanism is not installed; kNotAuthorised: there is no Kerberos
  // ticket, or no token can be had; kInterrupted.
  static Result<std::unique_ptr<SaslClient>> make(const SaslSettings& settings,
                                                  const std::string& host, const Wait& wait);
  virtual ~SaslClient() = default;
  SaslClient() = default;
  SaslClient(const SaslClient&) = delete;
  SaslClient& operator=(const SaslClient&) = delete;

  // The first words.
  virtual Result<std::string> start() = 0;
  // What to say to the broker's words. kNotAuthorised when they are not those of a broker that
  // knows us: with SCRAM and GSSAPI the broker has to prove itself too.
  virtual Result<std::string> answer(std::string_view challenge) = 0;
  // Nothing is expected from the broker any more but that it does not object.
  virtual bool is_done() const = 0;
};

// The part of make() that is Cyrus SASL's: PLAIN, SCRAM and GSSAPI.
Result<std::unique_ptr<SaslClient>> make_cyrus_client(const SaslSettings& settings,
                                                      const std::string& host);

}  // namespace kferry::wire
