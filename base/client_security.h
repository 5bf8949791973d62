// How kferry proves to a Kafka cluster who it is, and how it knows the cluster: plain values, read
// from the client properties (kafkaio/), out of which connections are made (wire/).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace kferry {

// Files are read when connections are prepared. Of each pair of a file and a text, the text is
// empty when the file is given.
struct TlsSettings {
  // Whom we trust. All empty: the certificate authorities of this machine.
  std::string ca_location;  // PEM: a file, or a directory as c_rehash(1) makes it
  std::string ca_pem;
  std::string trust_store;  // PKCS#12
  std::string trust_store_password;

  // Who we are, for brokers that want a client certificate. All empty: nobody.
  std::string certificate_location;  // PEM: our certificate first, then those that vouch for it
  std::string certificate_pem;
  std::string key_location;  // PEM
  std::string key_pem;
  std::string key_password;
  std::string key_store;  // PKCS#12, with the key and the certificates
  std::string key_store_password;

  std::string crl_location;   // PEM: revoked certificates; empty: none is looked at
  std::string cipher_suites;  // of TLS up to 1.2, by OpenSSL's names; empty: OpenSSL's default
  bool verify_certificate = true;
  bool verify_host = true;  // whether it is the certificate of the host that we connect to
};

enum class SaslMechanism { kPlain, kScramSha256, kScramSha512, kGssapi, kOauthBearer };

// Its name as IANA has it, such as "SCRAM-SHA-512".
std::string_view to_string(SaslMechanism mechanism);

// The OAuth client that we are at an identity provider (RFC 6749, section 4.4).
struct OidcSettings {
  std::string token_endpoint;  // http:// or https://
  std::string client_id;
  std::string client_secret;
  std::string scope = {};  // empty: none is asked for
  bool encode_login =
      false;  // whether id and secret are form-encoded first, as section 2.3.1 wants
  // Who may vouch for the endpoint; both empty: the certificate authorities of this machine.
  std::string ca_location = {};  // PEM: a file or a directory
  std::string ca_pem = {};
};

// Who we are at AWS, by the options of IAMLoginModule (aws-msk-iam-auth). What is empty comes from
// where AWS's own tools look for it: the environment, its files, and the services of the machine.
struct MskIamSettings {
  std::string region = {};    // of the cluster
  std::string profile = {};   // in AWS's files
  std::string role_arn = {};  // a role to take on; empty: none
  std::string role_session_name = {};
  std::string role_external_id = {};
  std::string sts_region = {};  // where the role is asked for; empty: `region`
  // Who takes on the role.
  std::string access_key_id = {};
  std::string secret_access_key = {};
  std::string session_token = {};
};

// Where the access token of OAUTHBEARER (RFC 7628) comes from; one of them.
struct TokenSource {
  std::string file = {};     // read again for each login
  std::string command = {};  // for sh; run for each login; its standard output is the token
  std::optional<OidcSettings> oidc = {};
  std::optional<MskIamSettings> msk_iam = {};          // a signed one is made for each login
  std::map<std::string, std::string> extensions = {};  // what is told with it (KIP-342)
};

struct SaslSettings {
  SaslMechanism mechanism = SaslMechanism::kPlain;
  std::string user;                    // PLAIN, SCRAM; GSSAPI: our principal, or empty
  std::string password;                // PLAIN, SCRAM
  std::string service_name = "kafka";  // GSSAPI: the first part of the broker's principal
  std::string keytab;                  // GSSAPI; empty: there is a ticket, or the system's own
  TokenSource token;                   // OAUTHBEARER
};

// TLS and SASL are independent of each other; neither: PLAINTEXT.
struct ClientSecurity {
  std::optional<TlsSettings> tls;
  std::optional<SaslSettings> sasl;
};

}  // namespace kferry
