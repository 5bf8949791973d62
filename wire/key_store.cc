#include "wire/key_store.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "wire/openssl_handles.h"

namespace kferry::wire {

std::string take_openssl_error() {
  const unsigned long code = ERR_get_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "no reason given" : reason;
}

namespace {

struct Store {
  KeyHandle key;
  CertificateHandle certificate;  // of the key
  CertificatesHandle others;
};

// OpenSSL 3 keeps the ciphers of old stores in a provider that is not loaded by default. It is
// loaded here apart from everything else: no connection may use them.
class OldCiphers {
 public:
  OldCiphers()
      : library_(OSSL_LIB_CTX_new()),
        current_(OSSL_PROVIDER_load(library_.get(), "default")),
        legacy_(OSSL_PROVIDER_load(library_.get(), "legacy")) {}

  OSSL_LIB_CTX* library() const { return library_.get(); }

 private:
  LibraryHandle library_;
  ProviderHandle current_;
  ProviderHandle legacy_;  // null where it is not installed: new stores can be read all the same
};

std::unexpected<Error> unreadable(const std::string& path, std::string_view how,
                                  std::string hint = {}) {
  return fail(ErrorKind::kUsage, fmt::format("key or trust store '{}': {}", path, how),
              std::move(hint));
}

Result<Store> read_store(const OldCiphers& ciphers, const std::string& path,
                         const std::string& password) {
  const BioHandle file(BIO_new_file(path.c_str(), "rb"));
  if (!file) return unreadable(path, fmt::format("it cannot be opened: {}", take_openssl_error()));
  PKCS12* raw = PKCS12_init_ex(NID_pkcs7_data, ciphers.library(), nullptr);
  const bool is_pkcs12 = raw != nullptr && d2i_PKCS12_bio(file.get(), &raw) != nullptr;
  const Pkcs12Handle parsed(raw);
  if (!is_pkcs12) {
    ERR_clear_error();
    return unreadable(path, "it is not in the PKCS#12 format");
  }
  Store store;
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  STACK_OF(X509)* others = nullptr;
  const int done = PKCS12_parse(parsed.get(), password.c_str(), &key, &certificate, &others);
  store.key.reset(key);
  store.certificate.reset(certificate);
  store.others.reset(others);
  if (done == 1) return store;
  return unreadable(path, fmt::format("it cannot be decrypted: {}", take_openssl_error()),
                    "check its password: ssl.keystore.password, ssl.truststore.password");
}

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string pem_of(X509* certificate) {
  const BioHandle memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(memory.get(), certificate);
  return text_of(memory.get());
}

std::string pem_of(EVP_PKEY* key) {
  const BioHandle memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(memory.get());
}

// A root needs no word of its own: either the peer has it, or it does not believe us.
bool is_root(X509* certificate) {
  return (X509_get_extension_flags(certificate) & EXFLAG_SS) != 0;
}

std::string pem_of(const CertificatesHandle& certificates, bool with_roots) {
  std::string pem;
  for (int i = 0; certificates && i < sk_X509_num(certificates.get()); ++i) {
    X509* const one = sk_X509_value(certificates.get(), i);
    if (with_roots || !is_root(one)) pem += pem_of(one);
  }
  return pem;
}

}  // namespace

Result<TlsSettings> unpack_stores(TlsSettings settings) {
  if (settings.trust_store.empty() && settings.key_store.empty()) return settings;
  const OldCiphers ciphers;
  if (!settings.trust_store.empty()) {
    KFERRY_TRY(const Store store,
               read_store(ciphers, settings.trust_store, settings.trust_store_password));
    const std::string trusted = pem_of(store.others, true);
    if (trusted.empty())
      return unreadable(settings.trust_store, "there is no trusted certificate in it");
    settings.ca_pem += trusted;
    settings.trust_store.clear();
    settings.trust_store_password.clear();
  }
  if (!settings.key_store.empty()) {
    KFERRY_TRY(const Store store,
               read_store(ciphers, settings.key_store, settings.key_store_password));
    if (!store.key || !store.certificate)
      return unreadable(settings.key_store, "there is no key with its certificate in it");
    settings.certificate_pem = pem_of(store.certificate.get()) + pem_of(store.others, false);
    settings.key_pem = pem_of(store.key.get());
    settings.key_password.clear();
    settings.key_store.clear();
    settings.key_store_password.clear();
  }
  return settings;
}

}  // namespace kferry::wire
