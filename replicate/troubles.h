// What is wrong with the flow as a whole, by what it is about: shown in the status until it is
// over.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace kferry::replicate {

// Thread-safe.
class Troubles {
 public:
  // True when it is new, or says something else than before.
  bool set(const std::string& about, const std::string& what);
  void clear(const std::string& about);
  std::vector<std::string> list() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> current_;
};

}  // namespace kferry::replicate
