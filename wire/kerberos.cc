#include "wire/kerberos.h"

#include <array>
#include <atomic>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

namespace kferry::wire {
namespace {

struct Meaning {
  std::string_view words;  // of MIT Kerberos
  ErrorKind kind;
  std::string_view hint;
};

constexpr std::array<Meaning, 7> kMeanings{{
    {"Cannot contact any KDC", ErrorKind::kUnreachable,
     "check the KDC of the realm in krb5.conf, and that it can be reached from here"},
    {"Cannot find KDC", ErrorKind::kUnreachable,
     "krb5.conf (KRB5_CONFIG) has to say where the KDC of that realm is"},
    {"expired", ErrorKind::kNotAuthorised,
     "get a new ticket (kinit), or name a keytab, which lasts: keyTab in sasl.jaas.config, or "
     "sasl.kerberos.keytab"},
    {"Client '", ErrorKind::kNotAuthorised, "check the principal: the KDC does not know it"},
    {"not found in Kerberos database", ErrorKind::kNotAuthorised,
     "check sasl.kerberos.service.name, and connect (and let the brokers advertise themselves) by "
     "the host name in the broker's principal"},
    {"Preauthentication failed", ErrorKind::kNotAuthorised,
     "the keytab has an old key of that principal: get a new one (kadmin: ktadd)"},
    {"Clock skew too great", ErrorKind::kNotAuthorised, "set this machine's clock"},
}};
constexpr const char* kExpired = "the Kerberos ticket has expired";
constexpr std::string_view kOtherwise =
    "get a Kerberos ticket (kinit), or name a keytab: keyTab in sasl.jaas.config, or "
    "sasl.kerberos.keytab";

std::string text_of(OM_uint32 status, int type) {
  std::string text;
  OM_uint32 more = 0;
  do {
    OM_uint32 ignored = 0;
    gss_buffer_desc words = GSS_C_EMPTY_BUFFER;
    if (gss_display_status(&ignored, status, type, GSS_C_NO_OID, &more, &words) != GSS_S_COMPLETE)
      break;
    if (!text.empty()) text += ": ";
    text.append(static_cast<const char*>(words.value), words.length);
    gss_release_buffer(&ignored, &words);
  } while (more != 0);
  return text;
}

// The minor code is Kerberos's own.
Error error_of(OM_uint32 major, OM_uint32 minor) {
  if (GSS_ROUTINE_ERROR(major) == GSS_S_CREDENTIALS_EXPIRED) return kerberos_error(kExpired);
  return kerberos_error(minor != 0 ? text_of(minor, GSS_C_MECH_CODE)
                                   : text_of(major, GSS_C_GSS_CODE));
}

Error keytab_error(const SaslSettings& settings) {
  const std::string whose = settings.user.empty() ? "anybody" : settings.user;
  return {
      ErrorKind::kNotAuthorised,
      fmt::format("the keytab '{}' cannot be read, or has no key of {}", settings.keytab, whose),
      fmt::format("`klist -k {}` lists the principals that it has keys of", settings.keytab)};
}

class Name {
 public:
  ~Name() {
    OM_uint32 ignored = 0;
    if (name_ != GSS_C_NO_NAME) gss_release_name(&ignored, &name_);
  }
  Name() = default;
  Name(const Name&) = delete;
  Name& operator=(const Name&) = delete;

  Result<> import(std::string principal) {
    gss_buffer_desc text{principal.size(), principal.data()};
    OM_uint32 minor = 0;
    const OM_uint32 major = gss_import_name(&minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, &name_);
    if (GSS_ERROR(major) != 0) return std::unexpected(error_of(major, minor));
    return {};
  }
  gss_name_t get() const { return name_; }

 private:
  gss_name_t name_ = GSS_C_NO_NAME;
};

std::string new_cache_name() {
  static std::atomic<uint64_t> number{0};
  return fmt::format("MEMORY:kferry-{}", ++number);
}

}  // namespace

Error kerberos_error(const std::string& text) {
  for (const Meaning& meaning : kMeanings)
    if (text.find(meaning.words) != text.npos)
      return {meaning.kind, text, std::string(meaning.hint)};
  return {ErrorKind::kNotAuthorised, text, std::string(kOtherwise)};
}

Result<KerberosCredentials> KerberosCredentials::acquire(const SaslSettings& settings) {
  KerberosCredentials credentials;
  if (settings.user.empty() && settings.keytab.empty()) return credentials;
  Name name;
  if (!settings.user.empty()) KFERRY_CHECK(name.import(settings.user));
  std::vector<gss_key_value_element_desc> places;
  if (!settings.keytab.empty()) {
    credentials.cache_ = new_cache_name();
    places = {{"client_keytab", settings.keytab.c_str()}, {"ccache", credentials.cache_.c_str()}};
  }
  const gss_key_value_set_desc store{static_cast<OM_uint32>(places.size()), places.data()};
  gss_OID_set_desc kerberos{1, const_cast<gss_OID>(gss_mech_krb5)};
  OM_uint32 minor = 0;
  OM_uint32 major = gss_acquire_cred_from(
      &minor, name.get(), GSS_C_INDEFINITE, &kerberos, GSS_C_INITIATE,
      places.empty() ? GSS_C_NO_CRED_STORE : &store, &credentials.handle_, nullptr, nullptr);
  // It is looked at no sooner than it is asked for.
  OM_uint32 lifetime = 0;
  if (GSS_ERROR(major) == 0)
    major = gss_inquire_cred(&minor, credentials.handle_, nullptr, &lifetime, nullptr, nullptr);
  if (GSS_ERROR(major) != 0) {
    // No tickets were got, for there is no key to get them with.
    const auto code = static_cast<krb5_error_code>(minor);
    if (!settings.keytab.empty() && (code == KRB5_FCC_NOFILE || code == KRB5_CC_NOTFOUND))
      return std::unexpected(keytab_error(settings));
    return std::unexpected(error_of(major, minor));
  }
  if (lifetime == 0) return std::unexpected(kerberos_error(kExpired));
  return credentials;
}

KerberosCredentials::~KerberosCredentials() {
  OM_uint32 ignored = 0;
  if (handle_ != nullptr) gss_release_cred(&ignored, &handle_);
  if (cache_.empty()) return;
  krb5_context context = nullptr;
  krb5_ccache cache = nullptr;
  if (krb5_init_context(&context) != 0) return;
  if (krb5_cc_resolve(context, cache_.c_str(), &cache) == 0) krb5_cc_destroy(context, cache);
  krb5_free_context(context);
}

}  // namespace kferry::wire
