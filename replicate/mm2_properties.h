// A properties file of MirrorMaker 2's own driver (connect-mirror-maker.sh), read as it is: what it
// says is done, or named. docs/mm2.md.
#pragma once

#include <map>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "replicate/flow.h"

namespace kferry::replicate {

using Mm2Properties = std::map<std::string, std::string>;

struct Mm2Input {
  Mm2Properties properties;
  std::string origin;  // the file's name, for messages
  std::string flow;    // "a->b"; empty: the one that is enabled
  Duration request_timeout{30'000};
};

// A key that changes nothing, and why.
struct Mm2Note {
  std::string key;
  std::string why;

  friend bool operator==(const Mm2Note&, const Mm2Note&) = default;
};

struct Mm2Flow {
  FlowSettings settings;
  // What came from the target, in settings.topics.exclude too; absent where names do not tell.
  std::optional<std::regex> cycles;
  std::vector<Mm2Note> notes;  // ordered by key; every key of the file is applied or stands here
};

// As Kafka's MirrorMakerConfig reads them: `a->b.KEY` over KEY, `a.consumer.KEY` over `a.KEY` over
// KEY for what the clients are told. What is not there has MM2's default, except the intervals,
// which have kferry's. No I/O.
// kUsage: no such flow, or several to choose from; a value that cannot be read; what would change
// the copy and cannot be honoured (all of those at once). No message carries a client's setting.
Result<Mm2Flow> read_mm2_flow(const Mm2Input& input);

}  // namespace kferry::replicate
