// Secrets that must not be seen anywhere.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/security_fixture.h"
#include "tests/integration/token_endpoint.h"

namespace kferry::security {

// What kferry's environment has of them: in every run.
inline const std::map<std::string, std::string> kSecretEnvironment{
    {"AWS_SECRET_ACCESS_KEY", "canary-aws-secret"},
    {"AWS_SESSION_TOKEN", "canary-aws-session"},
    {"CANARY_PASSWORD", kScramPassword},
};

class Canaries {
 public:
  explicit Canaries(std::vector<std::string> more = {}) : secrets_(std::move(more)) {
    secrets_.insert(secrets_.end(),
                    {kPlainPassword, kScramPassword, kStorePassword, kToken, kClientSecret});
    for (const auto& [name, secret] : kSecretEnvironment) secrets_.push_back(secret);
  }

  void expect_none(const std::string& where, const std::string& text) const {
    for (const std::string& secret : secrets_)
      EXPECT_EQ(text.find(secret), std::string::npos) << where << " has '" << secret << "'";
  }
  // In the files of a folder, and of those below; how many there are.
  int expect_none_below(const std::string& folder) const {
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      expect_none(entry.path(), trouble::read_text(entry.path()));
      ++files;
    }
    return files;
  }

 private:
  std::vector<std::string> secrets_;
};

}  // namespace kferry::security
