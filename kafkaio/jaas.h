// The one line of JAAS configuration that Java clients keep their user name and password in.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kferry::kafkaio {

struct Login {
  std::string user;      // PlainLoginModule, ScramLoginModule
  std::string password;  // the same
  std::string service_name;
  std::string principal;                       // Krb5LoginModule
  std::string keytab;                          // the same; empty: the ticket is in the cache
  std::map<std::string, std::string> options;  // all of them
};

// The value of `sasl.jaas.config`, as Kafka's JaasConfig class reads it: a login module, a control
// flag, options, a semicolon. PlainLoginModule, ScramLoginModule, Krb5LoginModule,
// OAuthBearerLoginModule and IAMLoginModule. kUsage, without any part of the text that could be a
// secret.
Result<Login> parse_jaas(std::string_view text);

}  // namespace kferry::kafkaio
