// Who we are for Kerberos, and what it means when it refuses.
#pragma once

#include <string>
#include <utility>

#include "base/client_security.h"
#include "base/result.h"

struct gss_cred_id_struct;  // GSS-API's gss_cred_id_t points to one

namespace kferry::wire {

// The error of what GSS-API says went wrong: kUnreachable when no KDC answers, else kNotAuthorised.
Error kerberos_error(const std::string& text);

// Those that the settings name: of a keytab, or of a principal whose ticket is in the user's cache.
// Tickets that a keytab gets live in memory, for one login each: the user's cache is left alone,
// and two clusters may have a keytab each.
class KerberosCredentials {
 public:
  // Asks the KDC when there is a keytab. As kerberos_error().
  static Result<KerberosCredentials> acquire(const SaslSettings& settings);
  KerberosCredentials() = default;
  ~KerberosCredentials();
  KerberosCredentials(KerberosCredentials&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), cache_(std::exchange(other.cache_, {})) {}
  KerberosCredentials& operator=(KerberosCredentials&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(cache_, other.cache_);
    return *this;
  }

  // nullptr: neither is named; it is the ticket that GSS-API finds.
  gss_cred_id_struct* handle() const { return handle_; }

 private:
  gss_cred_id_struct* handle_ = nullptr;
  std::string cache_;  // ours; empty: the user's
};

}  // namespace kferry::wire
