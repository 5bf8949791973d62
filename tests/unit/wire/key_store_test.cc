// Stores and PEM files as OpenSSL's own tool makes them.
#include "wire/key_store.h"

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/command.h"
#include "tests/support/expectations.h"
#include "wire/tls_context.h"

namespace kferry::wire {
namespace {

namespace fs = std::filesystem;
using test::fails;
using test::has;
using test::ok;

// An authority, and a key whose certificate it has signed.
class KeyStore : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::temp_directory_path() / fmt::format("kferry-stores-{}", getpid());
    fs::create_directories(folder_);
    const std::string key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    run(fmt::format("openssl req -x509 {} -keyout ca.key -out ca.pem -days 2 -subj /CN=ca", key));
    run(fmt::format("openssl req -new {} -keyout me.key -out me.csr -subj /CN=me", key));
    run("openssl x509 -req -in me.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out me.pem -days "
        "2");
    run("openssl pkey -in me.key -aes256 -passout pass:secret -out me-encrypted.key");
    run("openssl pkcs12 -export -in me.pem -inkey me.key -certfile ca.pem -passout pass:secret "
        "-out me.p12");
    run("openssl pkcs12 -export -legacy -in me.pem -inkey me.key -certfile ca.pem "
        "-passout pass:secret -out old.p12");
    run("openssl pkcs12 -export -nokeys -in ca.pem -passout pass:secret -out trust.p12");
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  static void run(const std::string& command) {
    const auto done = test::run_command(
        fmt::format("cd {} && {} 2>/dev/null", test::shell_quote(folder_.string()), command));
    if (done.exit_code != 0) throw std::runtime_error(command);
  }
  static std::string file(const std::string& name) { return folder_ / name; }
  static TlsSettings keys(const std::string& name, const std::string& password = "secret") {
    TlsSettings settings;
    settings.key_store = file(name);
    settings.key_store_password = password;
    return settings;
  }

 private:
  inline static fs::path folder_;
};

size_t certificates_in(const std::string& pem) {
  size_t count = 0;
  for (size_t at = 0; (at = pem.find("BEGIN CERTIFICATE", at)) != pem.npos; ++at) ++count;
  return count;
}

TEST_F(KeyStore, BecomesPem) {
  for (const char* const name : {"me.p12", "old.p12"}) {
    SCOPED_TRACE(name);
    const auto unpacked = unpack_stores(keys(name));
    ASSERT_TRUE(ok(unpacked));
    EXPECT_EQ(unpacked->key_store, "");
    EXPECT_EQ(certificates_in(unpacked->certificate_pem), 1U) << "roots are left out";
    EXPECT_TRUE(has(unpacked->key_pem, "BEGIN PRIVATE KEY"));
    EXPECT_TRUE(ok(TlsContext::make(*unpacked)));
  }
}

TEST_F(KeyStore, OfTrustIsAddedToThoseThatAreTrusted) {
  TlsSettings settings;
  settings.trust_store = file("trust.p12");
  settings.trust_store_password = "secret";
  const auto unpacked = unpack_stores(settings);
  ASSERT_TRUE(ok(unpacked));
  EXPECT_EQ(certificates_in(unpacked->ca_pem), 1U);
  EXPECT_TRUE(ok(TlsContext::make(*unpacked)));
}

TEST_F(KeyStore, ErrorsNameTheFileAndNotThePassword) {
  const auto usage = ErrorKind::kUsage;
  const auto wrong = unpack_stores(keys("me.p12", "canary"));
  EXPECT_TRUE(
      fails(wrong, usage, file("me.p12") + "': it cannot be decrypted: mac verify failure"));
  EXPECT_EQ((wrong.error().message + wrong.error().hint).find("canary"), std::string::npos);
  EXPECT_TRUE(fails(unpack_stores(keys("me.pem")), usage, "it is not in the PKCS#12 format"));
  EXPECT_TRUE(fails(unpack_stores(keys("nowhere")), usage, "it cannot be opened"));
  EXPECT_TRUE(fails(unpack_stores(keys("trust.p12")), usage, "no key with its certificate"));
}

TEST_F(KeyStore, PemFilesAreRead) {
  TlsSettings settings;
  settings.ca_location = file("ca.pem");
  settings.certificate_location = file("me.pem");
  settings.key_location = file("me.key");
  EXPECT_TRUE(ok(TlsContext::make(settings)));
  settings.key_location = file("me-encrypted.key");
  settings.key_password = "secret";
  EXPECT_TRUE(ok(TlsContext::make(settings)));
  settings.ca_location = fs::path(file("x")).parent_path();
  EXPECT_TRUE(ok(TlsContext::make(settings)));
}

TEST_F(KeyStore, PemFilesThatDoNotFitAreRefused) {
  const auto refused = [](TlsSettings settings, const std::string& says) {
    return fails(TlsContext::make(settings), ErrorKind::kUsage, says);
  };
  TlsSettings mine;
  mine.certificate_location = file("me.pem");
  EXPECT_TRUE(refused(mine, "there is no key for it"));
  mine.key_location = file("ca.key");
  EXPECT_TRUE(refused(mine, "does not fit the certificate"));
  mine.key_location = file("me-encrypted.key");
  EXPECT_TRUE(refused(mine, "our private key '" + file("me-encrypted.key") + "': cannot be read"))
      << "nobody is asked for the password";
  mine.key_location = file("me.key");
  mine.certificate_location = file("me.key");
  EXPECT_TRUE(refused(mine, "no PEM certificate in it"));
  TlsSettings theirs;
  theirs.ca_location = file("me.key");
  EXPECT_TRUE(refused(theirs, "the trusted certificates"));
  theirs = {};
  theirs.ca_pem = "hello";
  EXPECT_TRUE(refused(theirs, "no PEM certificate in the text"));
  theirs = {};
  theirs.cipher_suites = "TLS_NONSENSE";
  EXPECT_TRUE(refused(theirs, "ssl.cipher.suites"));
  theirs = {};
  theirs.crl_location = file("nowhere");
  EXPECT_TRUE(refused(theirs, "the revoked certificates"));
}

}  // namespace
}  // namespace kferry::wire
