// What a key store or trust store is.
#pragma once

#include <string>

#include "base/result.h"

namespace kferry::kafkaio {

enum class StoreKind { kPem, kPkcs12 };

// By the file's first bytes: since Java 9, stores that are called JKS are often PKCS#12. kUsage
// when it cannot be read; for Java's own format, with the command that converts it.
Result<StoreKind> kind_of_store(const std::string& path);

}  // namespace kferry::kafkaio
