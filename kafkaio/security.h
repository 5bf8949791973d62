// The security settings among the client properties, by Java's keys or librdkafka's.
#pragma once

#include <map>
#include <string>

#include "base/client_security.h"
#include "base/result.h"

namespace kferry::kafkaio {

// Takes the keys about security out of `properties`: librdkafka is not told of them. Looks into
// stores to see what they are, and warns in the log of keytabs, keys and tokens that every user may
// read. Settings of TLS or SASL that security.protocol does not ask for are
// taken out too and do nothing, as with Java's clients. kUsage with `origin` and the key, never
// with a value that may be secret: what kferry cannot do as it is asked to (JKS stores, callback
// classes, ...), with what to write instead.
Result<ClientSecurity> take_security(std::map<std::string, std::string>& properties,
                                     const std::string& origin);

// Whether a value that is a secret stands in the properties as it is, rather than as ${...}.
bool has_plain_secret(const std::map<std::string, std::string>& properties);

}  // namespace kferry::kafkaio
