// PKCS#12 stores (RFC 7292), as keytool and openssl make them.
#pragma once

#include "base/client_security.h"
#include "base/result.h"

namespace kferry::wire {

// The same settings with what the stores hold as PEM texts, so that nobody else needs to know of
// stores: the trust store's certificates are added to ca_pem, the key store's go to certificate_pem
// and key_pem (not encrypted). Stores of before 2020, encrypted with RC2 or 3DES, are read too.
// Of certificate_pem, roots are left out: they prove nothing to a peer. kUsage: a file that cannot
// be read, a wrong password, no key in it.
Result<TlsSettings> unpack_stores(TlsSettings settings);

}  // namespace kferry::wire
