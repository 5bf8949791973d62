// One admin request of librdkafka and its answer. Internal to kafkaio/.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "kafkaio/client.h"
#include "kafkaio/errors.h"

namespace kferry::kafkaio {

// Not thread-safe.
class AdminCall {
 public:
  explicit AdminCall(Client& client) : client_(client) {}

  // Waits for a broker, calls `send(options)` once, and waits for the answer of that type. The
  // request ends with `wait`, but after 60 s at the latest. An error of the request as a whole is
  // an error here; those of single topics are in the event.
  template <class Send>
  Result<EventHandle> run(rd_kafka_admin_op_t operation, rd_kafka_event_type_t answer,
                          const std::string& doing, const Wait& wait, Send&& send) {
    KFERRY_CHECK(client_.await_broker(wait));
    const uintptr_t id = next_id_++;
    const AdminOptionsHandle options = make_options(operation, id, wait);
    send(options.get());
    return await_answer(answer, id, doing, wait);
  }

 private:
  AdminOptionsHandle make_options(rd_kafka_admin_op_t operation, uintptr_t id,
                                  const Wait& wait) const;
  Result<EventHandle> await_answer(rd_kafka_event_type_t answer, uintptr_t id,
                                   const std::string& doing, const Wait& wait);

  Client& client_;
  // Answers to an earlier call that was cut short may still come.
  uintptr_t next_id_ = 1;
};

// Handles of one type as the arrays that librdkafka takes.
template <class Handle>
auto pointers(const std::vector<Handle>& handles) {
  std::vector<typename Handle::pointer> raw;
  raw.reserve(handles.size());
  for (const Handle& handle : handles) raw.push_back(handle.get());
  return raw;
}

// For each part, one after the other: calls `ask(keys)`, which gives a map of Results (or an error
// of the call as a whole), again for those that are kUnreachable, until none is or `wait` is over:
// then they stay so. When the call as a whole fails for good, its error is returned.
template <class Value, class Key, class Ask>
Result<std::map<Key, Result<Value>>> ask_in_parts(std::vector<std::vector<Key>> parts,
                                                  const Wait& wait, Ask&& ask) {
  constexpr BackoffPolicy kBackoff{.first = Duration(50), .longest = Duration(1000)};
  std::map<Key, Result<Value>> settled;
  for (std::vector<Key>& keys : parts) {
    bool failed_as_a_whole = false;
    const auto attempt = [&]() -> Result<> {
      failed_as_a_whole = true;
      KFERRY_TRY(auto answers, ask(std::as_const(keys)));
      failed_as_a_whole = false;
      keys.clear();
      Result<> open;
      for (auto& [key, answer] : answers) {
        if (!answer && answer.error().kind == ErrorKind::kUnreachable) {
          keys.push_back(key);
          open = std::unexpected(answer.error());
        }
        settled.insert_or_assign(key, std::move(answer));
      }
      return open;
    };
    const Result<> last = with_retry(kBackoff, wait, attempt, [](const Error& error) {
      return error.kind == ErrorKind::kUnreachable;
    });
    if (!last && failed_as_a_whole) return std::unexpected(last.error());
  }
  return settled;
}

}  // namespace kferry::kafkaio
