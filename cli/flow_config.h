// The settings of a flow of the mirror as a person writes them: in kferry.yaml under `flows`, or as
// options of `kferry replicate`. One table knows what each takes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "replicate/flow.h"

namespace YAML {
class Node;
}

namespace kferry::cli {

struct FlowValue {
  std::string origin;                  // "--topics" or "flows.a->b.topics", for messages
  std::string text;                    // booleans: "true" or "false"
  std::vector<std::string> list = {};  // of expressions, where the YAML has a list; else empty
};

// By the setting's name in kferry.yaml: "topics_exclude" is --topics-exclude. The clusters are
// "source", "source_config", "target" and "target_config".
using FlowChanges = std::map<std::string, FlowValue>;

// Puts one value in its place; the clusters' settings only get checked. kUsage: the origin, the
// value, what it takes.
Result<> apply(const std::string& name, const FlowValue& value, replicate::FlowSettings& flow);

// "onprem->cloud", or any name: up to 100 letters, digits, '.', '_' and '-'. kUsage.
Result<> check_flow_name(const std::string& name, const std::string& origin);

// What a flow is before anything is said about it: MM2's excludes, no clusters, no topics.
replicate::FlowSettings default_flow();

// The `flows` section, every value checked. Throws ConfigError (cli/yaml.h).
std::map<std::string, FlowChanges> read_flows(const YAML::Node& node);

}  // namespace kferry::cli
