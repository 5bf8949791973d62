// Bulk reads for the scanner: in chunks, so that memory stays bounded and progress is told. Private
// to zkoffsets/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/interrupt.h"
#include "base/result.h"
#include "zkoffsets/zk_client.h"

namespace kferry::zkoffsets {

// Not thread-safe. `client` and `stop` must outlive it.
class Reader {
 public:
  Reader(ZkClient& client, const StopToken& stop, std::function<void(int64_t)> on_progress)
      : client_(client), stop_(stop), on_progress_(std::move(on_progress)) {}

  // Calls take(index, node) for each of `count` nodes, in order; path(index) gives its path.
  template <class Path, class Take>
  Result<> get(size_t count, Path&& path, Take&& take) {
    return in_chunks(count, path, take, &ZkClient::get);
  }
  template <class Path, class Take>
  Result<> exists(size_t count, Path&& path, Take&& take) {
    return in_chunks(count, path, take, &ZkClient::exists);
  }
  template <class Path, class Take>
  Result<> children(size_t count, Path&& path, Take&& take) {
    return in_chunks(count, path, take, &ZkClient::children);
  }
  Result<NodeData> get_one(const std::string& path) {
    KFERRY_TRY(auto nodes, client_.get({path}, stop_));
    return std::move(nodes.front());
  }
  Result<NodeChildren> children_of(const std::string& path) {
    KFERRY_TRY(auto nodes, client_.children({path}, stop_));
    return std::move(nodes.front());
  }

 private:
  static constexpr size_t kChunk = 10'000;

  template <class Path, class Take, class Read>
  Result<> in_chunks(size_t count, Path&& path, Take&& take, Read read) {
    std::vector<std::string> paths;
    for (size_t begin = 0; begin < count; begin += kChunk) {
      const size_t end = std::min(count, begin + kChunk);
      paths.clear();
      for (size_t i = begin; i < end; ++i) paths.push_back(path(i));
      KFERRY_TRY(auto nodes, (client_.*read)(paths, stop_));
      for (size_t i = begin; i < end; ++i) take(i, std::move(nodes[i - begin]));
      if (on_progress_) on_progress_(static_cast<int64_t>(end - begin));
    }
    return {};
  }

  ZkClient& client_;
  const StopToken& stop_;
  const std::function<void(int64_t)> on_progress_;
};

}  // namespace kferry::zkoffsets
