#include "groupproto/consumer_protocol.h"

#include <map>
#include <optional>

#include "wire/encoder.h"

namespace kferry::groupproto {
namespace {

using wire::Bytes;

struct Subscription {
  int16_t version = 0;
  std::vector<TopicName> topics;
  std::optional<Bytes> user_data;
  template <class Io>
  void fields(Io& io) {
    io("Version", version);
    io("Topics", topics);
    io("UserData", user_data, {.nullable = wire::since(0)});
  }
};

struct Assignment {
  struct Topic {
    TopicName topic;
    std::vector<Partition> partitions;
    template <class Io>
    void fields(Io& io) {
      io("Topic", topic);
      io("Partitions", partitions);
    }
  };
  int16_t version = 0;
  std::vector<Topic> assigned_partitions;
  std::optional<Bytes> user_data;
  template <class Io>
  void fields(Io& io) {
    io("Version", version);
    io("AssignedPartitions", assigned_partitions);
    io("UserData", user_data, {.nullable = wire::since(0)});
  }
};

template <class Message>
std::string encode(Message message) {
  std::string out;
  wire::Encoder encoder(out, 0, false);
  message.fields(encoder);
  return out;
}

}  // namespace

std::string encode_subscription(const std::vector<TopicPartition>& partitions) {
  Subscription subscription;
  std::map<TopicName, bool> seen;
  for (const auto& [topic, partition] : partitions)
    if (!std::exchange(seen[topic], true)) subscription.topics.push_back(topic);
  return encode(std::move(subscription));
}

std::string encode_assignment(const std::vector<TopicPartition>& partitions) {
  Assignment assignment;
  std::map<TopicName, size_t> index;
  for (const auto& [topic, partition] : partitions) {
    const auto [at, is_new] = index.emplace(topic, assignment.assigned_partitions.size());
    if (is_new) assignment.assigned_partitions.push_back({topic, {}});
    assignment.assigned_partitions[at->second].partitions.push_back(partition);
  }
  return encode(std::move(assignment));
}

}  // namespace kferry::groupproto
