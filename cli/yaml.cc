#include "cli/yaml.h"

#include <fmt/format.h>

namespace kferry::cli {

void check_keys(const YAML::Node& map, const std::string& where,
                const std::set<std::string>& known) {
  if (!map.IsMap()) throw ConfigError{map.Mark(), where + " must be a map"};
  for (const auto& entry : map) {
    const auto key = entry.first.as<std::string>();
    if (!known.contains(key))
      throw ConfigError{entry.first.Mark(), fmt::format("unknown key '{}' in {}; known: {}", key,
                                                        where, fmt::join(known, ", "))};
  }
}

std::string text(const YAML::Node& node, const std::string& where) {
  if (!node.IsScalar()) throw ConfigError{node.Mark(), where + " must be a text"};
  return node.as<std::string>();
}

std::vector<std::string> texts(const YAML::Node& node, const std::string& where) {
  if (!node.IsSequence()) throw ConfigError{node.Mark(), where + " must be a list"};
  std::vector<std::string> list;
  for (const auto& one : node) list.push_back(text(one, where));
  return list;
}

}  // namespace kferry::cli
