#include "kafkaio/admin_call.h"

namespace kferry::kafkaio {
namespace {

constexpr Duration kLongestRequest{60'000};

}  // namespace

AdminOptionsHandle AdminCall::make_options(rd_kafka_admin_op_t operation, uintptr_t id,
                                           const Wait& wait) const {
  AdminOptionsHandle made(rd_kafka_AdminOptions_new(client_.kafka(), operation));
  std::array<char, 256> ignored{};
  const Duration patience = std::clamp(wait.deadline().remaining(), Duration(1), kLongestRequest);
  const int patience_ms = static_cast<int>(patience.count());
  rd_kafka_AdminOptions_set_request_timeout(made.get(), patience_ms, ignored.data(),
                                            ignored.size());
  // Refused, without consequences, for calls that have none.
  rd_kafka_AdminOptions_set_operation_timeout(made.get(), patience_ms, ignored.data(),
                                              ignored.size());
  rd_kafka_AdminOptions_set_opaque(made.get(), reinterpret_cast<void*>(id));
  return made;
}

Result<EventHandle> AdminCall::await_answer(rd_kafka_event_type_t answer, uintptr_t id,
                                            const std::string& doing, const Wait& wait) {
  // The request's time-out bounds this: librdkafka answers every request.
  for (;;) {
    KFERRY_CHECK(wait.stop().check(doing));
    EventHandle event = client_.poll(kStopLatency);
    if (!event || rd_kafka_event_type(event.get()) != answer ||
        reinterpret_cast<uintptr_t>(rd_kafka_event_opaque(event.get())) != id)
      continue;
    const rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return event;
    return std::unexpected(client_.error(code, doing, rd_kafka_event_error_string(event.get())));
  }
}

}  // namespace kferry::kafkaio
