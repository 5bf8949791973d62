// OpenSSL's objects, each with its owner. Internal to wire/'s TLS.
#pragma once

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace kferry::wire {

template <auto free>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};

inline void free_certificates(STACK_OF(X509) * certificates) {
  sk_X509_pop_free(certificates, X509_free);
}

using BioHandle = std::unique_ptr<BIO, OpensslFree<BIO_free>>;
using CertificateHandle = std::unique_ptr<X509, OpensslFree<X509_free>>;
using CertificatesHandle = std::unique_ptr<STACK_OF(X509), OpensslFree<free_certificates>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using Pkcs12Handle = std::unique_ptr<PKCS12, OpensslFree<PKCS12_free>>;
using ProviderHandle = std::unique_ptr<OSSL_PROVIDER, OpensslFree<OSSL_PROVIDER_unload>>;
using LibraryHandle = std::unique_ptr<OSSL_LIB_CTX, OpensslFree<OSSL_LIB_CTX_free>>;
using SslContextHandle = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;

// The text of the oldest error that this thread's calls have left; empties the queue.
std::string take_openssl_error();

}  // namespace kferry::wire
