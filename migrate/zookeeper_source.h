// The offsets of the old consumers as ZooKeeper itself has them.
#pragma once

#include "migrate/offset_source.h"
#include "zkoffsets/zk_client.h"

namespace kferry::migrate {

class ZookeeperSource : public OffsetSource {
 public:
  explicit ZookeeperSource(zkoffsets::ZkClient& client) : client_(client) {}

  std::string zookeeper() const override { return client_.connect_string(); }
  Result<zkoffsets::Snapshot> read(const GatherRequest& request, const Wait& wait,
                                   const std::function<void(int64_t)>& on_progress) override;
  Result<zkoffsets::Snapshot> read_again(const Groups& planned, const StopToken& stop) override;
  Result<std::vector<std::string>> find_consumers(const Groups& planned,
                                                  const StopToken& stop) override;
  Result<std::vector<bool>> find_changed(const std::vector<SeenOffset>& seen,
                                         const StopToken& stop) override;

 private:
  zkoffsets::ZkClient& client_;
};

}  // namespace kferry::migrate
