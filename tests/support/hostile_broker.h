// Everything that a broker could answer and should not.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include "tests/support/fake_broker.h"

namespace kferry::test {

struct Hostility {
  std::string name;
  FakeBroker::Handler answer;
};

// To any request.
std::vector<Hostility> hostilities();

// Calls `test(one)` for each, side by side: most of their time they wait.
template <class One, class Test>
void side_by_side(const std::vector<One>& all, const Test& test) {
  std::vector<std::jthread> threads;
  for (const One& one : all) threads.emplace_back([&] { test(one); });
}

}  // namespace kferry::test
