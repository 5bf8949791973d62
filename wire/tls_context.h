// What all TLS connections to one cluster share: whom we trust, and who we are.
#pragma once

#include <memory>

#include "base/client_security.h"
#include "base/result.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX and SSL: its headers stay out of ours
struct ssl_st;

namespace kferry::wire {

// Immutable; used by many threads at once.
class TlsContext {
 public:
  // Reads the files that `settings` names; stores must have been unpacked (key_store.h). kUsage
  // names the file and what is wrong with it.
  static Result<std::shared_ptr<const TlsContext>> make(const TlsSettings& settings);

  // A new connection to `host` (a name or an address), owned by the caller. The name goes to the
  // broker (SNI, RFC 6066) and is compared with its certificate's (RFC 6125).
  ssl_st* new_connection(const std::string& host) const;

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  TlsContext() = default;

  std::unique_ptr<ssl_ctx_st, Free> context_;
  bool verify_host_ = true;
};

}  // namespace kferry::wire
