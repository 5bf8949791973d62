// Gathers the facts for `kferry doctor`. Reads only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/interrupt.h"
#include "doctor/facts.h"
#include "replicate/flow.h"

namespace kferry::doctor {

struct DoctorRequest {
  // Without a flow only `source`, `topics`, `groups` and `zookeeper_login` count.
  replicate::FlowSettings flow;
  bool has_flow = false;
  std::optional<std::string> zookeeper;  // connect string
  std::vector<Job> jobs;                 // whose rights are checked
};

// What cannot be found out stands in the facts, with its reason. kInterrupted alone is an error.
Result<DoctorFacts> gather(const DoctorRequest& request, const StopToken& stop);

}  // namespace kferry::doctor
