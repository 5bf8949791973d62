// librdkafka's error codes as our errors. Internal to kafkaio/.
#pragma once

#include <string_view>

#include "base/result.h"
#include "kafkaio/handles.h"

namespace kferry::kafkaio {

// `doing` says what was being done, to what and where; `said` is librdkafka's own text (empty: the
// standing text of the code). Denied: kNotAuthorised. No connection, no answer: kUnreachable.
// Positive codes are Kafka's and become kafka_code; negative ones are librdkafka's own, but
// for _UNSUPPORTED_FEATURE, which becomes UNSUPPORTED_VERSION.
Error to_error(rd_kafka_resp_err_t code, std::string_view doing, std::string_view said = {});

// Whether the same call may succeed a little later: coordinators move and load, connections break.
bool is_transient(rd_kafka_resp_err_t code);

}  // namespace kferry::kafkaio
