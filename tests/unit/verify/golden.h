// Files that a person has looked at once and that must not change by accident.
// KFERRY_UPDATE_GOLDEN=1 writes them anew: then look at the diff.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace kferry::testing {

inline std::string golden_path(const std::string& name) {
  return std::string(KFERRY_SOURCE_DIR) + "/tests/golden/" + name;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void expect_golden(const std::string& name, const std::string& text) {
  if (std::getenv("KFERRY_UPDATE_GOLDEN") != nullptr)
    std::ofstream(golden_path(name), std::ios::binary) << text;
  EXPECT_EQ(read_file(golden_path(name)), text) << "KFERRY_UPDATE_GOLDEN=1 rewrites " << name;
}

}  // namespace kferry::testing
