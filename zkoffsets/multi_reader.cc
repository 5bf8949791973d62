#include "zkoffsets/multi_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "zkoffsets/jute.h"
#include "zkoffsets/multi_answer.h"

namespace kferry::zkoffsets {
namespace {

// ZooDefs.OpCode
constexpr int32_t kEnd = -1;  // in the place of one more operation: there is none
constexpr int32_t kSync = 9;
constexpr int32_t kMultiRead = 22;
constexpr int32_t kAuth = 100;
constexpr int32_t kCloseSession = -11;
constexpr int32_t kAuthNumber =
    -4;  // ClientCnxn.AUTHPACKET_XID: in the place of a request's number

constexpr int32_t kNotAnError = -1;  // MultiHeader's err, in requests

// Nodes in one request. It hides what a request costs, and 100 nodes of ZooKeeper's largest size
// (1 MB) still fit a frame.
constexpr size_t kNodesPerRequest = 100;
// The server works on one while we read the answer to another.
constexpr size_t kRequestsInFlight = 4;
// A session that is asked for nothing that long is gone, and opened anew when it is needed.
constexpr int32_t kSessionTimeoutMs = 30'000;
constexpr size_t kPasswordBytes = 16;
constexpr Duration kLongestGoodbye{250};
constexpr size_t kReplyHeaderBytes = 16;

// Requests number `number`: the nodes [begin, end) of `paths`.
std::string multi_read(int32_t number, int32_t operation, const std::string& chroot,
                       const std::vector<std::string>& paths, size_t begin, size_t end) {
  JuteWriter out;
  out.number(number).number(kMultiRead);
  for (size_t i = begin; i < end; ++i) {
    out.number(operation).boolean(false).number(kNotAnError);
    out.text(chroot + paths[i]).boolean(false);  // no watch
  }
  out.number(kEnd).boolean(true).number(kNotAnError);
  return out.bytes();
}

}  // namespace

Result<std::unique_ptr<MultiReader>> MultiReader::open(const wire::Address& server,
                                                       const Config& config,
                                                       const StopToken& stop) {
  const Wait wait(Deadline::after(config.request_timeout), stop);
  KFERRY_TRY(wire::Connection connection, wire::Connection::open(server, wait));
  std::unique_ptr<MultiReader> reader(new MultiReader(std::move(connection), config));
  KFERRY_CHECK(reader->greet(stop));
  KFERRY_CHECK(reader->sync(stop));
  return reader;
}

// ConnectRequest: protocolVersion, lastZxidSeen, timeOut, sessionId, passwd, readOnly. A server
// without a quorum closes the connection of a client that does not want it.
Result<> MultiReader::greet(const StopToken& stop) {
  JuteWriter out;
  out.number(int32_t{0}).number(int64_t{0}).number(kSessionTimeoutMs).number(int64_t{0});
  out.text(std::string(kPasswordBytes, '\0')).boolean(false);
  KFERRY_CHECK(send(out.bytes(), stop));
  KFERRY_TRY(const std::string answer, receive(stop));
  JuteReader in(answer);
  in.skip(4);
  const auto granted_ms = in.number<int32_t>();
  if (in.failed() || granted_ms <= 0) return nonsense("no session");
  return config_.digest_login.empty() ? Result<>() : log_in(stop);
}

// AuthPacket: type, scheme, auth.
Result<> MultiReader::log_in(const StopToken& stop) {
  JuteWriter out;
  out.number(kAuthNumber).number(kAuth).number(int32_t{0}).text("digest");
  out.text(config_.digest_login);
  KFERRY_CHECK(send(out.bytes(), stop));
  KFERRY_TRY(const std::string answer, receive(stop));
  JuteReader in(answer);
  const auto number = in.number<int32_t>();
  in.skip(8);
  const auto code = in.number<int32_t>();
  if (in.failed() || number != kAuthNumber || code != 0) return nonsense("the login is refused");
  return {};
}

MultiReader::~MultiReader() {
  if (!connection_.is_open()) return;
  JuteWriter goodbye;
  goodbye.number(++last_sent_).number(kCloseSession);
  // Nobody waits for the answer, or minds when it fails: the session would time out anyway.
  (void)connection_.send({goodbye.bytes()}, Wait::uninterruptible(kLongestGoodbye));
}

Result<> MultiReader::sync(const StopToken& stop) {
  JuteWriter out;
  out.number(++last_sent_).number(kSync).text("/");
  KFERRY_CHECK(send(out.bytes(), stop));
  KFERRY_CHECK(receive_answer(stop));
  return {};
}

Result<std::vector<NodeData>> MultiReader::get(const std::vector<std::string>& paths,
                                               const StopToken& stop) {
  return read<NodeData>(paths, stop);
}

Result<std::vector<NodeChildren>> MultiReader::children(const std::vector<std::string>& paths,
                                                        const StopToken& stop) {
  return read<NodeChildren>(paths, stop);
}

template <class Node>
Result<std::vector<Node>> MultiReader::read(const std::vector<std::string>& paths,
                                            const StopToken& stop) {
  std::vector<Node> nodes(paths.size());
  for (size_t sent = 0, taken = 0; taken < paths.size();) {
    while (sent < paths.size() && sent - taken < kRequestsInFlight * kNodesPerRequest) {
      const size_t end = std::min(paths.size(), sent + kNodesPerRequest);
      KFERRY_CHECK(
          send(multi_read(++last_sent_, multi_operation(Node{}), config_.chroot, paths, sent, end),
               stop));
      sent = end;
    }
    KFERRY_TRY(const std::string answer, receive_answer(stop));
    const size_t end = std::min(paths.size(), taken + kNodesPerRequest);
    const std::string_view wrong =
        read_multi_answer(std::string_view(answer).substr(kReplyHeaderBytes),
                          std::span(nodes).subspan(taken, end - taken));
    if (!wrong.empty()) return nonsense(wrong);
    taken = end;
  }
  return nodes;
}

Result<> MultiReader::send(const std::string& frame, const StopToken& stop) {
  return connection_.send({frame}, Wait(Deadline::after(config_.request_timeout), stop));
}

Result<std::string> MultiReader::receive(const StopToken& stop) {
  return connection_.receive(Wait(Deadline::after(config_.request_timeout), stop));
}

// ReplyHeader: xid, zxid, err. Answers come in the order of the requests.
Result<std::string> MultiReader::receive_answer(const StopToken& stop) {
  KFERRY_TRY(std::string answer, receive(stop));
  JuteReader in(answer);
  const auto number = in.number<int32_t>();
  in.skip(8);
  const auto code = in.number<int32_t>();
  if (in.failed() || number != ++last_answered_) return nonsense("an answer out of turn");
  if (code != 0) return nonsense(fmt::format("error {}", code));
  return answer;
}

// Later answers could not be told from earlier ones.
std::unexpected<Error> MultiReader::nonsense(std::string_view what) {
  connection_.close();
  return fail(ErrorKind::kFailed,
              fmt::format("ZooKeeper {}: {}", wire::to_string(connection_.address()), what));
}

}  // namespace kferry::zkoffsets
