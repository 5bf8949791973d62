// librdkafka's configuration object. Internal: callers outside kafkaio/ see config.h.
#pragma once

#include <map>
#include <string>

#include "kafkaio/config.h"
#include "kafkaio/handles.h"

namespace kferry::kafkaio {

// `more` are librdkafka's keys, and win over the user's. kUsage as check() says.
Result<ConfHandle> make_conf(const ClientProperties& client,
                             const std::map<std::string, std::string>& more);

}  // namespace kferry::kafkaio
