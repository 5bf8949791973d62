// Which broker coordinates which group, and how to ask many coordinators for many groups at once.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "base/backoff.h"
#include "base/named.h"
#include "wire/cluster.h"

namespace kferry::groupproto {

// Whether asking again, perhaps another broker, may help: the coordinator moved, or is loading.
bool is_coordinator_error(int16_t code);

// What is done about groups that cannot be asked about now.
enum class Asking {
  kPatient,  // they are asked about again until the wait is over
  // They are among the refusals at once: for those who ask again anyway, and for whom one group
  // must not hold up the others.
  kOnce,
};

// Not thread-safe; uses the worker's Cluster.
class Coordinators {
 public:
  // Groups that were not asked about, or not answered, and why: no permission, an invalid id, a
  // coordinator that never got ready.
  using Refusals = std::map<GroupId, Error>;

  explicit Coordinators(wire::Cluster& cluster) : cluster_(&cluster) {}

  const wire::ClientConfig& config() const { return cluster_->config(); }

  // The connected coordinator of `group`; asked for when it is not known. Asking also makes the
  // broker create __consumer_offsets where it does not exist yet. Retries until `wait` is over.
  Result<wire::Broker*> of(const GroupId& group, const Wait& wait);
  // The same for many, batched (FindCoordinator version 4) or pipelined.
  Result<Refusals> locate(const std::vector<GroupId>& groups, const Wait& wait);
  // After NOT_COORDINATOR or a lost connection: ask again next time.
  void forget(const GroupId& group) { known_.erase(group); }

  // Calls `ask(coordinator, its groups)` for every coordinator of `groups`. `ask` returns the
  // groups for which the broker was not (yet) the right one; they are located and asked for again
  // until `wait` is over, and are among the refusals then. A lost connection is retried too: `ask`
  // must be safe to repeat. With kOnce nothing is asked twice, and the call fails as a whole only
  // when no broker can be reached.
  using Ask =
      std::function<Result<std::vector<GroupId>>(wire::Broker&, const std::vector<GroupId>&)>;
  Result<Refusals> for_each(const std::vector<GroupId>& groups, const Wait& wait, const Ask& ask,
                            Asking asking = Asking::kPatient);

 private:
  Result<Refusals> ask_once(const std::vector<GroupId>& groups, const Wait& wait, const Ask& ask);
  Result<> locate_once(const std::vector<GroupId>& groups, Refusals& refused, const Wait& wait);
  Result<> locate_batched(wire::Broker& broker, const std::vector<GroupId>& groups, int16_t version,
                          Refusals& refused, const Wait& wait);
  Result<> locate_pipelined(wire::Broker& broker, const std::vector<GroupId>& groups,
                            int16_t version, Refusals& refused, const Wait& wait);
  Result<> learn(const GroupId& group, int16_t error_code, BrokerId id, const std::string& host,
                 int32_t port, Refusals& refused);
  Result<std::vector<GroupId>> ask_all(const std::vector<GroupId>& groups, const Wait& wait,
                                       const Ask& ask, Error& trouble);

  wire::Cluster* cluster_;
  std::map<GroupId, BrokerId> known_;
};

}  // namespace kferry::groupproto
