#include "wire/tls_errors.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <openssl/x509.h>
#include <boost/asio/ssl/error.hpp>

namespace kferry::wire {
namespace {

namespace ssl_error = boost::asio::error;

std::string_view hint_of_verification(long verdict) {
  switch (verdict) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "connect (and let the brokers advertise themselves) by a name in the certificate, or "
             "switch the check off: ssl.endpoint.identification.algorithm=";
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "renew the broker's certificate, or set this machine's clock";
    case X509_V_ERR_CERT_REVOKED:
      return "the broker needs another certificate; see ssl.crl.location";
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      return "ssl.crl.location must have a list of the authority that signed it";
    default:
      return "name the authority that signed it: ssl.truststore.location or ssl.ca.location";
  }
}

bool refuses_our_certificate(int reason) {
  switch (reason) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

bool speaks_no_tls(int reason) {
  return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
         reason == SSL_R_PACKET_LENGTH_TOO_LONG || reason == SSL_R_UNKNOWN_PROTOCOL;
}

}  // namespace

bool is_tls_error(const boost::system::error_code& error) {
  return error.category() == ssl_error::get_ssl_category();
}

Error tls_error(const boost::system::error_code& error, const ssl_st* connection,
                const std::string& place, std::string_view doing) {
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
  Error found{ErrorKind::kUnreachable, {}, {}};
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    const long verdict = SSL_get_verify_result(connection);
    found.message =
        fmt::format("its certificate is not accepted: {}", X509_verify_cert_error_string(verdict));
    found.hint = hint_of_verification(verdict);
  } else if (refuses_our_certificate(reason)) {
    found.kind = ErrorKind::kNotAuthorised;
    const bool has_one = SSL_get_certificate(connection) != nullptr;
    found.message =
        fmt::format("it refuses {}: {}",
                    has_one ? "our certificate" : "clients without a certificate", error.message());
    found.hint = has_one ? "check that the broker trusts the authority that signed it, and that it "
                           "has not expired"
                         : "give ssl.keystore.location, or ssl.certificate.location and "
                           "ssl.key.location";
  } else if (speaks_no_tls(reason)) {
    found.message = "it does not speak TLS";
    found.hint = "check the port, and security.protocol: is this a PLAINTEXT listener?";
  } else {
    found.message = fmt::format("{}: TLS: {}", doing, error.message());
    found.hint = "versions or ciphers of TLS that both sides know may be missing";
  }
  found.message = fmt::format("{}: {}", place, found.message);
  return found;
}

}  // namespace kferry::wire
