#include "tests/support/java_wire.h"

#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "tests/support/command.h"
#include "tests/support/kafka_definitions.h"

namespace kferry::test {

std::string run_java(const std::string& program, const std::string& kafka_version,
                     const std::string& input) {
  const TemporaryFile file(input);
  const CommandResult result = run_command(
      fmt::format("java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp {} {} < {}",
                  shell_quote(jar_folder(kafka_version) + "/*"),
                  shell_quote(fmt::format("{}/tests/java/{}.java", KFERRY_SOURCE_DIR, program)),
                  shell_quote(file.path())));
  if (result.exit_code != 0)
    throw std::runtime_error(fmt::format("{}.java failed; see its message above", program));
  return result.output;
}

std::vector<std::string> java_bytes(const std::string& kafka_version,
                                    const std::vector<WireQuestion>& questions) {
  std::string input;
  for (const WireQuestion& one : questions)
    input += fmt::format("{}\t{}\t{}\n", one.name, one.version, one.json);
  std::istringstream output(run_java("WireGolden", kafka_version, input));
  std::vector<std::string> answers;
  for (const WireQuestion& one : questions) {
    const std::string prefix = fmt::format("{} {} ", one.name, one.version);
    std::string line;
    std::getline(output, line);
    if (!line.starts_with(prefix)) throw std::runtime_error("WireGolden.java answered: " + line);
    answers.push_back(line.substr(prefix.size()));
  }
  return answers;
}

std::map<int, JavaError> java_errors(const std::string& kafka_version) {
  std::istringstream output(run_java("ErrorTable", kafka_version, ""));
  std::map<int, JavaError> errors;
  int code = 0;
  JavaError error;
  while (output >> code >> error.name >> std::boolalpha >> error.retriable) errors[code] = error;
  if (errors.empty()) throw std::runtime_error("ErrorTable.java answered nothing");
  return errors;
}

}  // namespace kferry::test
