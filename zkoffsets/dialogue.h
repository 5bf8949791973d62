// What a ZooKeeper server may answer to a client that only reads and sets no watches. Pure.
// Source: zookeeper.jute, and org.apache.zookeeper.ClientCnxn.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>

namespace kferry::zkoffsets {

// Frames are without their lengths, and in their order on the connection.
class Dialogue {
 public:
  void ask(std::string_view frame);
  // "", or what is wrong with it: such an answer must not reach the C client, which trusts it.
  std::string_view check_answer(std::string_view frame);

 private:
  std::string_view check_reply(std::string_view frame);

  bool greeted_ = false;                          // the client has
  bool answered_ = false;                         // the server has, to that
  std::deque<std::pair<int32_t, int32_t>> open_;  // number and operation of each request, in order
};

}  // namespace kferry::zkoffsets
