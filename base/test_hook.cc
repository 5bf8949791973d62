#include "base/test_hook.h"

#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace kferry {
namespace {

struct Hook {
  std::string action;
  std::string point;
  std::string argument;
  std::atomic<int> visits{0};
};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::unique_ptr<Hook>> parse_environment() {
  std::vector<std::unique_ptr<Hook>> hooks;
  const char* const text = std::getenv("KFERRY_TEST_HOOK");
  if (text == nullptr) return hooks;
  for (const std::string& one : split(text, ',')) {
    const std::vector<std::string> parts = split(one, ':');
    if (parts.size() < 2) continue;
    auto hook = std::make_unique<Hook>();
    hook->action = parts[0];
    hook->point = parts[1];
    if (parts.size() > 2) hook->argument = parts[2];
    hooks.push_back(std::move(hook));
  }
  return hooks;
}

int to_number(const std::string& text, int otherwise) {
  int number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void visit(Hook& hook) {
  const int visit_number = ++hook.visits;
  if (hook.action == "kill" && visit_number == to_number(hook.argument, 1)) std::raise(SIGKILL);
  if (hook.action == "pause")
    std::this_thread::sleep_for(std::chrono::milliseconds(to_number(hook.argument, 0)));
  if (hook.action == "touch" && visit_number == 1) std::ofstream(hook.argument).flush();
}

}  // namespace

void test_hook(std::string_view point) {
  static const std::vector<std::unique_ptr<Hook>> hooks = parse_environment();
  for (const auto& hook : hooks)
    if (hook->point == point) visit(*hook);
}

}  // namespace kferry
