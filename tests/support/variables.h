// Environment variables of the test process, for a while.
#pragma once

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

namespace kferry::test {

// Sets them; its end brings back what was there. No other thread may look at the environment.
class WithVariables {
 public:
  explicit WithVariables(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) {
      const char* const old = std::getenv(name.c_str());
      before_[name] = old == nullptr ? std::nullopt : std::optional<std::string>(old);
      setenv(name.c_str(), value.c_str(), 1);
    }
  }
  ~WithVariables() {
    for (const auto& [name, value] : before_) {
      if (value) {
        setenv(name.c_str(), value->c_str(), 1);
      } else {
        unsetenv(name.c_str());
      }
    }
  }
  WithVariables(const WithVariables&) = delete;
  WithVariables& operator=(const WithVariables&) = delete;

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

}  // namespace kferry::test
