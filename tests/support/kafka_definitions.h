// Kafka's own message definitions, read out of the kafka-clients jar, and how ours differ from
// them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/message_schema.h"

namespace kferry::test {

// The folder with the jars of Kafka `version`, from testenv/jars. Throws std::runtime_error.
std::string jar_folder(const std::string& version);

struct KafkaDefinition {
  int api_key = -1;
  wire::VersionRange versions;  // validVersions
  wire::VersionRange flexible;  // flexibleVersions
  std::vector<FieldDescription> fields;
};

// "0-9", "3+", "1", "none".
wire::VersionRange parse_versions(const std::string& text);
wire::VersionRange intersect(wire::VersionRange a, wire::VersionRange b);
std::string to_string(wire::VersionRange range);

KafkaDefinition parse_definition(const nlohmann::json& definition);

// The definitions named, e.g. "JoinGroupRequest", of one Kafka version. Throws std::runtime_error.
std::map<std::string, KafkaDefinition> load_definitions(const std::string& kafka_version,
                                                        const std::vector<std::string>& names);

struct Difference {
  std::string path;    // "OffsetFetchRequest.Groups.Topics"
  std::string aspect;  // "fields", "type", "versions", "nullable", "tag", "ignorable", "default",
                       // "initial value"
  std::string ours;
  std::string kafkas;
};

// Compares what concerns the versions `shared`. `path` is the message's name. Whether a field is
// ignorable, and its default, matter in messages of versions that lack it: they are compared only
// if there is such a version, or the field is tagged.
std::vector<Difference> compare_fields(const std::string& path,
                                       const std::vector<FieldDescription>& ours,
                                       const std::vector<FieldDescription>& kafkas,
                                       wire::VersionRange shared);

}  // namespace kferry::test
