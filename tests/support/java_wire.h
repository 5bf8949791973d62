// What the Java client writes and knows; one JVM start per question.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/support/hex.h"

namespace kferry::test {

// The output of tests/java/`program`.java with Kafka's jars. Throws std::runtime_error.
std::string run_java(const std::string& program, const std::string& kafka_version,
                     const std::string& input);

struct WireQuestion {
  std::string name;  // "JoinGroupRequest", "RequestHeader"
  int version = 0;
  std::string json;  // as message_json() writes it
};

// The bytes of each message, as hexadecimal digits, in order; "!..." where Java says what is wrong.
// Throws std::runtime_error.
std::vector<std::string> java_bytes(const std::string& kafka_version,
                                    const std::vector<WireQuestion>& questions);

struct JavaError {
  std::string name;
  bool retriable = false;
};

// org.apache.kafka.common.protocol.Errors, by code. Throws std::runtime_error.
std::map<int, JavaError> java_errors(const std::string& kafka_version);

}  // namespace kferry::test
