// Every C handle of librdkafka, owned. Internal: nobody outside kafkaio/ includes this.
#pragma once

#include <memory>

#include <librdkafka/rdkafka.h>

namespace kferry::kafkaio {

template <auto destroy>
struct DestroyWith {
  template <class T>
  void operator()(T* handle) const {
    destroy(handle);
  }
};

template <class T, auto destroy>
using Handle = std::unique_ptr<T, DestroyWith<destroy>>;

using ConfHandle = Handle<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using KafkaHandle = Handle<rd_kafka_t, rd_kafka_destroy>;
struct DestroyUnclosed {
  // rd_kafka_destroy() would leave the group first, and wait for that.
  void operator()(rd_kafka_t* kafka) const {
    rd_kafka_destroy_flags(kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
};
using UnclosedKafkaHandle = std::unique_ptr<rd_kafka_t, DestroyUnclosed>;
// Must go before the rd_kafka_t that it belongs to, as must all that follow.
using QueueHandle = Handle<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using EventHandle = Handle<rd_kafka_event_t, rd_kafka_event_destroy>;
using TopicHandle = Handle<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using PartitionHandle = Handle<rd_kafka_topic_partition_t, rd_kafka_topic_partition_destroy>;
using PartitionsHandle =
    Handle<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using AdminOptionsHandle = Handle<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using NewTopicHandle = Handle<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using NewPartitionsHandle = Handle<rd_kafka_NewPartitions_t, rd_kafka_NewPartitions_destroy>;
using DeleteTopicHandle = Handle<rd_kafka_DeleteTopic_t, rd_kafka_DeleteTopic_destroy>;
using DeleteRecordsHandle = Handle<rd_kafka_DeleteRecords_t, rd_kafka_DeleteRecords_destroy>;
using KafkaErrorHandle = Handle<rd_kafka_error_t, rd_kafka_error_destroy>;
using ConfigResourceHandle = Handle<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;
using ListOffsetsHandle =
    Handle<rd_kafka_ListConsumerGroupOffsets_t, rd_kafka_ListConsumerGroupOffsets_destroy>;
using DeleteOffsetsHandle =
    Handle<rd_kafka_DeleteConsumerGroupOffsets_t, rd_kafka_DeleteConsumerGroupOffsets_destroy>;

struct DestroyMetadata {
  // librdkafka hands it out as const, and wants it back as const.
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
};
using MetadataHandle = std::unique_ptr<const rd_kafka_metadata_t, DestroyMetadata>;

struct FreeMemory {
  void operator()(char* text) const { rd_kafka_mem_free(nullptr, text); }
};
using TextHandle = std::unique_ptr<char, FreeMemory>;

}  // namespace kferry::kafkaio
