// Named points in the code at which a test can kill or pause this process, to see that nothing is
// lost. Driven by the environment, so that the release binary is what is tested:
//   KFERRY_TEST_HOOK=kill:POINT[:N]        SIGKILL to ourselves at the N-th (default first) visit
//   KFERRY_TEST_HOOK=pause:POINT:MS        sleep there, at every visit
//   KFERRY_TEST_HOOK=touch:POINT:FILE      create FILE at the first visit, so that a test can wait
//   for it
// Several, separated by commas. Without the variable a point costs one branch.
#pragma once

#include <string_view>

namespace kferry {

void test_hook(std::string_view point);

}  // namespace kferry
