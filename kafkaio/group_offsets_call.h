// The two calls about a group's committed offsets, pipelined over one queue. Internal to kafkaio/.
#pragma once

#include <cstdint>
#include <vector>

#include "kafkaio/admin.h"
#include "kafkaio/client.h"

namespace kferry::kafkaio {

// `client` must be a consumer with a group.id: librdkafka 2.0.2 (and later, as of 2.12) follows a
// null pointer when a coordinator answers OffsetFetch with NOT_COORDINATOR and the handle has no
// group of its own (rd_kafka_handle_OffsetFetch).
class GroupOffsetsCall {
 public:
  explicit GroupOffsetsCall(Client& client) : client_(client) {}

  Result<Admin::OffsetsByGroup> fetch(const std::vector<Admin::Query>& queries, const Wait& wait);
  Result<> erase(const GroupId& group, const std::vector<TopicPartition>& partitions,
                 const Wait& wait);

 private:
  // A part of a group's partitions, small enough for one request.
  struct Part {
    GroupId group;
    std::vector<TopicPartition> partitions;
    std::optional<Error> trouble = {};  // why it must be asked for again
  };
  using Parts = std::vector<Part>;

  Result<> fetch_round(Parts& pending, Admin::OffsetsByGroup& results, const Wait& wait);
  void send_fetch(const Part& part, uintptr_t id, const Wait& wait);
  Result<Admin::Offsets> read_fetched(const Part& part, const rd_kafka_event_t* event,
                                      bool& transient) const;
  Result<> erase_once(const Part& part, const Wait& wait, bool& transient);
  Result<> read_erased(const std::string& doing, const rd_kafka_event_t* event,
                       bool& transient) const;
  AdminOptionsHandle options(rd_kafka_admin_op_t operation, uintptr_t id, const Wait& wait) const;

  Client& client_;
  // Identifies a request over the life of the client: answers to an earlier call that was cut short
  // may still come.
  uintptr_t next_id_ = 1;
};

}  // namespace kferry::kafkaio
