#include "replicate/troubles.h"

#include <fmt/format.h>

#include "base/log.h"

namespace kferry::replicate {

bool Troubles::set(const std::string& about, const std::string& what) {
  {
    const std::lock_guard lock(mutex_);
    std::string& known = current_[about];
    if (known == what) return false;
    known = what;
  }
  log::warn(what, {{"about", about}});
  return true;
}

void Troubles::clear(const std::string& about) {
  {
    const std::lock_guard lock(mutex_);
    if (current_.erase(about) == 0) return;
  }
  log::info("over", {{"about", about}});
}

std::vector<std::string> Troubles::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (const auto& [about, what] : current_) all.push_back(fmt::format("{}: {}", about, what));
  return all;
}

}  // namespace kferry::replicate
