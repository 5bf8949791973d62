// Everything that a broker could answer and should not.
#pragma once

#include <string>
#include <vector>

#include "tests/support/fake_broker.h"

namespace kferry::test {

struct Hostility {
  std::string name;
  FakeBroker::Handler answer;
};

// To any request.
std::vector<Hostility> hostilities();

}  // namespace kferry::test
