// One rd_kafka_t with one event queue, and what its brokers say of themselves. Internal to
// kafkaio/.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/interrupt.h"
#include "base/named.h"
#include "kafkaio/carried_sockets.h"
#include "kafkaio/config.h"
#include "kafkaio/handles.h"

namespace kferry::kafkaio {

// The longest time that librdkafka may block before the stop token is looked at.
constexpr Duration kStopLatency{50};

// Not thread-safe, except that librdkafka's threads call its log callback. Does not move: that
// callback knows its address.
class Client {
 public:
  // Connects in the background. `more` are librdkafka's keys, over the user's. kUsage, also
  // for what librdkafka sees only when it starts, such as a file that it cannot read.
  // `more_events` (RD_KAFKA_EVENT_…) come out of poll() too.
  static Result<std::unique_ptr<Client>> open(rd_kafka_type_t type, const ClientProperties& client,
                                              const std::map<std::string, std::string>& more = {},
                                              int more_events = 0);
  // A member of a group does not leave it: to the others it is a process that has died.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* kafka() const { return kafka_.get(); }
  rd_kafka_queue_t* queue() const { return queue_.get(); }
  const std::string& servers() const { return servers_; }  // for messages
  bool ancient() const { return ancient_; }                // brokers before 0.10

  // The next event that is not an error of the client as a whole; null when none came. Those
  // errors are kept, for error() to tell.
  EventHandle poll(Duration at_most);

  // Waits until a broker has answered. kUnreachable with the last trouble, kNotAuthorised as soon
  // as a broker refuses us, kInterrupted.
  Result<> await_broker(const Wait& wait);
  // The same, and the id of a broker that lives. Asks for the metadata of all topics: librdkafka
  // has no other way to tell.
  Result<BrokerId> find_broker(const Wait& wait);

  // to_error(), with the last trouble that the client had where that explains it.
  Error error(rd_kafka_resp_err_t code, std::string_view doing, std::string_view said = {}) const;

  // Whether every broker that we have been connected to offers OffsetDelete (2.4, KIP-496).
  bool brokers_offer_offset_delete() const;

 private:
  struct Asked {
    BrokerId broker{-1};
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  };

  Client(std::string servers, bool ancient, bool debugging)
      : servers_(std::move(servers)), ancient_(ancient), debugging_(debugging) {}
  Result<BrokerId> wait_for_metadata(bool ask, const Wait& wait);
  Asked look_at_metadata(Duration patience) const;
  Asked ask_for_metadata(Duration patience) const;
  void carry_by(const Carrier& carrier, rd_kafka_conf_t* conf);
  static void on_log(const rd_kafka_t* kafka, int level, const char* facility, const char* text);
  void note_log(int level, std::string_view facility, std::string_view text);
  void drain_errors();

  const std::string servers_;
  const bool ancient_;    // the brokers are older than 0.10
  const bool debugging_;  // the user has set librdkafka's `debug`
  rd_kafka_resp_err_t trouble_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string trouble_text_;
  mutable std::mutex log_mutex_;                      // guards the next
  std::map<std::string, bool> offers_offset_delete_;  // by the broker's name in librdkafka
  std::optional<CarriedSockets> sockets_;             // when librdkafka does not connect itself
  UnclosedKafkaHandle kafka_;                         // after all that the log callback uses
  QueueHandle queue_;
};

}  // namespace kferry::kafkaio
