// PLAIN (RFC 4616), SCRAM (RFC 5802, RFC 7677) and GSSAPI (RFC 4752) by Cyrus SASL.
#include <array>
#include <cstring>
#include <mutex>
#include <vector>

#include <fmt/format.h>
#include <sasl/sasl.h>

#include "base/log.h"
#include "wire/kerberos.h"
#include "wire/sasl_client.h"

namespace kferry::wire {
namespace {

using AnyCallback = int (*)();

// Cyrus's mutexes do nothing unless it is given some.
void* new_mutex() {
  return new std::mutex;
}
int lock_mutex(void* mutex) {
  static_cast<std::mutex*>(mutex)->lock();
  return SASL_OK;
}
int unlock_mutex(void* mutex) {
  static_cast<std::mutex*>(mutex)->unlock();
  return SASL_OK;
}
void free_mutex(void* mutex) {
  delete static_cast<std::mutex*>(mutex);
}

// In place of syslog. Its more talkative levels have secrets in them.
int note_log(void* /*context*/, int level, const char* text) {
  if (level > SASL_LOG_NONE && level <= SASL_LOG_WARN)
    log::debug(text, {{"library", "cyrus-sasl"}});
  return SASL_OK;
}

template <class Function>
AnyCallback any(Function* function) {
  return reinterpret_cast<AnyCallback>(reinterpret_cast<void (*)()>(function));
}

// Once for the process. It reads the plug-ins that are installed.
Result<> start_library() {
  static const int outcome = [] {
    static const std::array<sasl_callback_t, 2> callbacks{
        {{SASL_CB_LOG, any(note_log), nullptr}, {SASL_CB_LIST_END, nullptr, nullptr}}};
    sasl_set_mutex(new_mutex, lock_mutex, unlock_mutex, free_mutex);
    return sasl_client_init(callbacks.data());
  }();
  if (outcome == SASL_OK) return {};
  return fail(ErrorKind::kFailed, fmt::format("Cyrus SASL does not start: {}",
                                              sasl_errstring(outcome, nullptr, nullptr)));
}

class CyrusClient : public SaslClient {
 public:
  explicit CyrusClient(const SaslSettings& settings) : settings_(settings) {
    const std::string& password = settings_.password;
    secret_.resize(sizeof(sasl_secret_t) + password.size());
    auto* const secret = reinterpret_cast<sasl_secret_t*>(secret_.data());
    secret->len = password.size();
    std::memcpy(secret->data, password.data(), password.size());
  }
  ~CyrusClient() override {
    if (connection_ != nullptr) sasl_dispose(&connection_);
  }

  Result<> open(const std::string& host) {
    callbacks_ = {{{SASL_CB_USER, any(give_name), this},
                   {SASL_CB_AUTHNAME, any(give_name), this},
                   {SASL_CB_PASS, any(give_secret), this},
                   {SASL_CB_LIST_END, nullptr, nullptr}}};
    const int outcome =
        sasl_client_new(settings_.service_name.c_str(), host.c_str(), nullptr, nullptr,
                        callbacks_.data(), SASL_SUCCESS_DATA, &connection_);
    if (outcome != SASL_OK)
      return fail(ErrorKind::kFailed,
                  fmt::format("Cyrus SASL: {}", sasl_errstring(outcome, nullptr, nullptr)));
    if (settings_.mechanism != SaslMechanism::kGssapi) return {};
    KFERRY_TRY(kerberos_, KerberosCredentials::acquire(settings_));
    // Without it another ticket of the user's would be taken.
    if (kerberos_.handle() != nullptr &&
        sasl_setprop(connection_, SASL_GSS_CREDS, kerberos_.handle()) != SASL_OK)
      return fail(ErrorKind::kFailed, "Cyrus SASL does not take the credentials of Kerberos",
                  "is Debian's libsasl2-modules-gssapi-mit installed?");
    return {};
  }

  Result<std::string> start() override {
    const char* words = nullptr;
    unsigned size = 0;
    const std::string mechanism(to_string(settings_.mechanism));
    const char* chosen = nullptr;
    const int outcome =
        sasl_client_start(connection_, mechanism.c_str(), nullptr, &words, &size, &chosen);
    if (outcome == SASL_NOMECH)
      return fail(ErrorKind::kUsage,
                  fmt::format("Cyrus SASL cannot do {} on this machine: {}", mechanism, detail()),
                  settings_.mechanism == SaslMechanism::kGssapi
                      ? "install Debian's libsasl2-modules-gssapi-mit, and get a Kerberos ticket"
                      : "install Debian's libsasl2-modules");
    return said(outcome, words, size);
  }

  Result<std::string> answer(std::string_view challenge) override {
    const char* words = nullptr;
    unsigned size = 0;
    const int outcome =
        sasl_client_step(connection_, challenge.data(), static_cast<unsigned>(challenge.size()),
                         nullptr, &words, &size);
    return said(outcome, words, size);
  }

  bool is_done() const override { return done_; }

 private:
  // We act for nobody else: no authorisation identity (SASL_CB_USER).
  static int give_name(void* self, int id, const char** name, unsigned* size) {
    const auto& user = static_cast<CyrusClient*>(self)->settings_.user;
    *name = id == SASL_CB_AUTHNAME ? user.c_str() : "";
    if (size != nullptr) *size = static_cast<unsigned>(std::strlen(*name));
    return SASL_OK;
  }

  static int give_secret(sasl_conn_t* /*connection*/, void* self, int /*id*/,
                         sasl_secret_t** secret) {
    *secret = reinterpret_cast<sasl_secret_t*>(static_cast<CyrusClient*>(self)->secret_.data());
    return SASL_OK;
  }

  std::string detail() const { return sasl_errdetail(connection_); }

  Result<std::string> said(int outcome, const char* words, unsigned size) {
    if (outcome == SASL_OK || outcome == SASL_CONTINUE) {
      done_ = outcome == SASL_OK;
      return words == nullptr ? std::string() : std::string(words, size);
    }
    if (settings_.mechanism == SaslMechanism::kGssapi)
      return std::unexpected(kerberos_error(detail()));
    return fail(ErrorKind::kNotAuthorised,
                fmt::format("{}: {}", to_string(settings_.mechanism), detail()),
                "the broker may be another one than it says: its proof that it knows our password "
                "is wrong or missing");
  }

  const SaslSettings settings_;
  std::vector<char> secret_;  // a sasl_secret_t, whose text has no fixed size
  std::array<sasl_callback_t, 4> callbacks_{};
  KerberosCredentials kerberos_;
  sasl_conn_t* connection_ = nullptr;
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<SaslClient>> make_cyrus_client(const SaslSettings& settings,
                                                      const std::string& host) {
  KFERRY_CHECK(start_library());
  auto client = std::make_unique<CyrusClient>(settings);
  KFERRY_CHECK(client->open(host));
  return client;
}

}  // namespace kferry::wire
