// Where the access tokens of OAUTHBEARER come from, among the client properties.
#pragma once

#include <map>
#include <string>

#include "base/client_security.h"
#include "base/result.h"
#include "kafkaio/jaas.h"

namespace kferry::kafkaio {

// Takes the keys about tokens out of `properties`; `login` is what sasl.jaas.config says, if
// anything. Java's keys (SaslConfigs, the options of OAuthBearerLoginModule) and librdkafka's.
// kUsage with `origin` and the key, without a value that may be secret.
Result<TokenSource> take_token_source(std::map<std::string, std::string>& properties,
                                      const Login& login, const std::string& origin);

}  // namespace kferry::kafkaio
