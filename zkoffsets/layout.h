// The layouts in which clients keep offsets in ZooKeeper, and the pure functions that read them.
// Sources: FACTS "ZooKeeper layouts"; kafka.utils.ZkUtils (Kafka 0.8 to 1.1), storm-kafka,
// wvanbergen/kafka.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/named.h"
#include "zkoffsets/convention.h"

namespace kferry::zkoffsets {

enum class Layout {
  kHighLevelConsumer,  // /consumers/<g>/{ids,owners,offsets}: JVM consumer of 0.8 to 1.1, Flume
  kOffsetCommitV0,     // /consumers/<g>/offsets only: KafkaEx, kafka-node and others, through the
                       // broker
  kKafkaNode,          // the same tree, registered by kafka-node's HighLevelConsumer
  kWvanbergen,         // the same tree, registered by wvanbergen/kafka (Go)
  kFlink,              // the same tree, last processed; only by configuration
  kStorm,              // <zk_root>/<id>/[<topic>/]partition_<N>, JSON
  kTrident,            // <zk_root>/<txid>/user/[<topic>/]partition_<N>/<txn>, JSON
  kSparkCsv,           // one node with "p:off,p:off"
  kCustom,             // a path with placeholders, see zkoffsets/path_template.h
  kKafka07,            // /consumers/<g>/offsets/<t>/<brokerId>-<p>: Kafka 0.7, not convertible
};

// "high-level-consumer", "offset-commit-v0", "kafka-node", "wvanbergen", "flink", "storm",
// "trident", "spark-csv", "custom", "kafka-0.7".
std::string_view to_string(Layout layout);
std::optional<Layout> parse_layout(std::string_view text);
// Whether it is kept outside /consumers, where only the configuration knows. A broker sees nothing
// of it, and nobody is registered for it.
bool is_external(Layout layout);
// The convention of a layout's client where nothing else is configured.
Convention default_convention(Layout layout);

// Why a znode has no usable offset.
enum class OffsetProblem { kNone, kEmpty, kNotANumber, kNegative, kTooLarge, kHuge };

struct ParsedOffset {
  std::optional<ZookeeperOffset> offset;  // set exactly when problem is kNone; >= 0
  OffsetProblem problem = OffsetProblem::kNone;
  std::string detail;  // for people: what stood there (printable ASCII, at most 40 characters)
};

// ASCII decimal, as Kafka writes it: no sign, no space; more than 4096 bytes are kHuge.
ParsedOffset parse_decimal_offset(std::string_view data);
// Storm's JSON: `offset`; `topic` and `partition` are taken from the document.
struct StormState {
  TopicName topic;
  Partition partition;
  ParsedOffset offset;
};
std::optional<StormState> parse_storm_state(std::string_view json);    // KafkaSpout: `offset`
std::optional<StormState> parse_trident_state(std::string_view json);  // Trident: `nextOffset`
// "p:off,p:off"; nullopt when the text has another form. An offset that is no number is an entry
// with a problem.
struct CsvEntry {
  Partition partition;
  ParsedOffset offset;
};
std::optional<std::vector<CsvEntry>> parse_csv_offsets(std::string_view data);

// A JSON document and an RFC 6901 pointer to the offset in it: an integer, or a text of one.
ParsedOffset parse_json_offset(std::string_view json, const std::string& pointer);
bool is_json_pointer(const std::string& pointer);

// A registration under /ids: {"version":1,"subscription":{"t":n},"pattern":"...","timestamp":...}.
struct RegistrationDocument {
  std::vector<std::string> topics;  // topics, or the regular expression of a pattern subscription
  std::string pattern;              // "static", "white_list", "black_list" or ""
  bool numeric_timestamp = false;   // the time stands there as a number, not as a string
};
// nullopt when the text has another form, e.g. that of Kafka 0.7.
std::optional<RegistrationDocument> parse_registration(std::string_view json);
// Which client wrote it; nullopt when the text is not a registration.
std::optional<Layout> layout_of_registration(std::string_view consumer_id, std::string_view json);

// /cluster/id: {"version":"1","id":"<cluster id>"}.
std::optional<std::string> parse_cluster_id(std::string_view json);

}  // namespace kferry::zkoffsets
