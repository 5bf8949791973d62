// Values that stand elsewhere: ${env:NAME} and the like.
#pragma once

#include <map>
#include <string>

#include "base/interrupt.h"
#include "base/result.h"

namespace kferry::kafkaio {

// Puts in place of each
//   ${file:PATH:KEY}      the value of KEY in the properties file PATH
//   ${file:PATH}          the content of the file, without the line ends at its end
//   ${directory:DIR:NAME} the same of DIR/NAME
//   ${env:NAME}           the environment variable
//   ${command:COMMAND}    what COMMAND (for sh, without '}') says, as command_output() has it
// what it stands for, once: the result is not looked at again. The first, third and fourth are
// those of Kafka's FileConfigProvider, DirectoryConfigProvider and EnvVarConfigProvider; other
// names are left alone, as Java's clients do. A file that every user may read is warned of in the
// log. kUsage with the key, and what is missing, never a value; kInterrupted.
Result<> resolve_values(std::map<std::string, std::string>& properties, const std::string& origin,
                        const Wait& wait);

}  // namespace kferry::kafkaio
