#include "wire/tls_context.h"

#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "wire/openssl_handles.h"

namespace kferry::wire {
namespace {

std::unexpected<Error> unusable(std::string_view what, std::string_view file, std::string_view how,
                                std::string hint = {}) {
  const std::string place = file.empty() ? std::string() : fmt::format(" '{}'", file);
  return fail(ErrorKind::kUsage, fmt::format("{}{}: {}", what, place, how), std::move(hint));
}

// What OpenSSL asks for the password of an encrypted key. Without it, it would ask the terminal.
int give_password(char* to, int size, int /*writing*/, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (text.size() > static_cast<size_t>(size)) return -1;
  std::memcpy(to, text.data(), text.size());
  return static_cast<int>(text.size());
}

// A PEM file or the text itself.
Result<BioHandle> open_pem(std::string_view what, const std::string& file,
                           const std::string& text) {
  BioHandle bio(file.empty() ? BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))
                             : BIO_new_file(file.c_str(), "r"));
  if (!bio) return unusable(what, file, fmt::format("cannot be read: {}", take_openssl_error()));
  return bio;
}

Result<> trust_text(SSL_CTX* context, const std::string& pem) {
  const BioHandle bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  int found = 0;
  while (const auto one =
             CertificateHandle(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get());
    ++found;
  }
  ERR_clear_error();  // of the end of the text
  if (found > 0) return {};
  return unusable("the trusted certificates", "", "no PEM certificate in the text");
}

Result<> trust(SSL_CTX* context, const TlsSettings& settings) {
  const std::string& location = settings.ca_location;
  if (!location.empty()) {
    std::error_code ignored;
    const bool is_directory = std::filesystem::is_directory(location, ignored);
    const int loaded = is_directory ? SSL_CTX_load_verify_dir(context, location.c_str())
                                    : SSL_CTX_load_verify_file(context, location.c_str());
    if (loaded != 1)
      return unusable("the trusted certificates", location,
                      fmt::format("cannot be read: {}", take_openssl_error()));
  }
  if (!settings.ca_pem.empty()) KFERRY_CHECK(trust_text(context, settings.ca_pem));
  if (location.empty() && settings.ca_pem.empty()) SSL_CTX_set_default_verify_paths(context);
  if (settings.crl_location.empty()) return {};
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  if (X509_STORE_load_file(store, settings.crl_location.c_str()) != 1)
    return unusable("the revoked certificates", settings.crl_location,
                    fmt::format("cannot be read: {}", take_openssl_error()));
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  return {};
}

Result<> use_certificates(SSL_CTX* context, const TlsSettings& settings) {
  constexpr std::string_view kWhat = "our certificate";
  KFERRY_TRY(const BioHandle bio,
             open_pem(kWhat, settings.certificate_location, settings.certificate_pem));
  bool is_first = true;
  while (const auto one =
             CertificateHandle(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))) {
    const int taken = is_first ? SSL_CTX_use_certificate(context, one.get())
                               : static_cast<int>(SSL_CTX_add1_chain_cert(context, one.get()));
    if (taken != 1) return unusable(kWhat, settings.certificate_location, take_openssl_error());
    is_first = false;
  }
  ERR_clear_error();  // of the end of the text
  if (is_first) return unusable(kWhat, settings.certificate_location, "no PEM certificate in it");
  return {};
}

Result<> use_key(SSL_CTX* context, const TlsSettings& settings) {
  constexpr std::string_view kWhat = "our private key";
  KFERRY_TRY(const BioHandle bio, open_pem(kWhat, settings.key_location, settings.key_pem));
  std::string password = settings.key_password;
  const KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, &password));
  if (!key)
    return unusable(kWhat, settings.key_location,
                    fmt::format("cannot be read: {}", take_openssl_error()),
                    "it must be a PEM key; check ssl.key.password if it is encrypted");
  if (SSL_CTX_use_PrivateKey(context, key.get()) == 1 && SSL_CTX_check_private_key(context) == 1)
    return {};
  return unusable(kWhat, settings.key_location,
                  fmt::format("does not fit the certificate: {}", take_openssl_error()));
}

Result<> identify(SSL_CTX* context, const TlsSettings& settings) {
  const bool has_certificate =
      !settings.certificate_location.empty() || !settings.certificate_pem.empty();
  const bool has_key = !settings.key_location.empty() || !settings.key_pem.empty();
  if (!has_certificate && !has_key) return {};
  if (!has_key || !has_certificate)
    return unusable(has_key ? "our private key" : "our certificate",
                    has_key ? settings.key_location : settings.certificate_location,
                    has_key ? "there is no certificate for it" : "there is no key for it",
                    "give both ssl.certificate.location and ssl.key.location, or one "
                    "ssl.keystore.location that has both");
  KFERRY_CHECK(use_certificates(context, settings));
  return use_key(context, settings);
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const TlsSettings& settings) {
  const std::shared_ptr<TlsContext> made(new TlsContext);
  made->context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = made->context_.get();
  if (context == nullptr) throw std::runtime_error("OpenSSL has no TLS");
  made->verify_host_ = settings.verify_host;
  SSL_CTX_set_verify(context, settings.verify_certificate ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS);
  KFERRY_CHECK(trust(context, settings));
  KFERRY_CHECK(identify(context, settings));
  const std::string& ciphers = settings.cipher_suites;
  if (!ciphers.empty() && SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1)
    return unusable("ssl.cipher.suites", "", take_openssl_error(),
                    "write OpenSSL's names, such as ECDHE-RSA-AES256-GCM-SHA384");
  return made;
}

ssl_st* TlsContext::new_connection(const std::string& host) const {
  SSL* const connection = SSL_new(context_.get());
  if (connection == nullptr) throw std::runtime_error("OpenSSL has no memory for a connection");
  in6_addr unused{};
  const bool is_address = inet_pton(AF_INET, host.c_str(), &unused) == 1 ||
                          inet_pton(AF_INET6, host.c_str(), &unused) == 1;
  if (!is_address) SSL_set_tlsext_host_name(connection, host.c_str());
  if (!verify_host_) return connection;
  X509_VERIFY_PARAM* const rules = SSL_get0_param(connection);
  const int set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str())
                             : X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size());
  if (set == 1) return connection;
  SSL_free(connection);
  throw std::runtime_error("OpenSSL does not take the name " + host);
}

}  // namespace kferry::wire
