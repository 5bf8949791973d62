#include <string>
#include <vector>

#include "base/interrupt.h"
#include "cli/verbs.h"

int main(int argc, char** argv) {
  static kferry::StopToken stop;
  kferry::stop_on_signals(stop);
  return kferry::cli::run_command_line(std::vector<std::string>(argv + 1, argv + argc), stop);
}
