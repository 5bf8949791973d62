// Reading YAML with messages that name the line and the key. Private to the readers of kferry.yaml.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace kferry::cli {

// Thrown by the readers only; read_config turns it into a kUsage error.
struct ConfigError {
  YAML::Mark mark;
  std::string what;
};

// `where` is the key for messages, e.g. "teams.payments".
void check_keys(const YAML::Node& map, const std::string& where,
                const std::set<std::string>& known);
std::string text(const YAML::Node& node, const std::string& where);
std::vector<std::string> texts(const YAML::Node& node, const std::string& where);

}  // namespace kferry::cli
