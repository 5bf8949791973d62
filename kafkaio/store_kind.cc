#include "kafkaio/store_kind.h"

#include <fmt/format.h>

#include "base/small_file.h"

namespace kferry::kafkaio {

Result<StoreKind> kind_of_store(const std::string& path) {
  KFERRY_TRY(const std::string content, read_small_file(path, "the file"));
  if (content.starts_with('\x30')) return StoreKind::kPkcs12;  // an ASN.1 sequence
  if (content.find("-----BEGIN ") != content.npos) return StoreKind::kPem;
  const bool is_java =
      content.starts_with("\xfe\xed\xfe\xed") || content.starts_with("\xce\xce\xce\xce");
  if (!is_java)
    return fail(ErrorKind::kUsage, fmt::format("'{}' is neither PKCS#12 nor PEM", path));
  return fail(ErrorKind::kUsage, fmt::format("'{}' is a JKS store, which only Java can read", path),
              fmt::format("convert it, and name the new file: keytool -importkeystore "
                          "-srckeystore '{}' -destkeystore store.p12 -deststoretype PKCS12",
                          path));
}

}  // namespace kferry::kafkaio
