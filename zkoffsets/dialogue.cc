#include "zkoffsets/dialogue.h"

#include "zkoffsets/jute.h"

namespace kferry::zkoffsets {
namespace {

// ZooDefs.OpCode
constexpr int32_t kExists = 3;
constexpr int32_t kGetData = 4;
constexpr int32_t kGetAcl = 6;
constexpr int32_t kGetChildren = 8;
constexpr int32_t kSync = 9;

// Numbers that are not those of requests: ClientCnxn.NOTIFICATION_XID, PING_XID, AUTHPACKET_XID.
constexpr int32_t kNotification = -1;
constexpr int32_t kPing = -2;
constexpr int32_t kAuthentication = -4;

constexpr size_t kPasswordBytes = 16;
constexpr size_t kStatBytes = 68;

// ConnectResponse: protocolVersion, timeOut, sessionId, passwd, and readOnly since 3.4.
bool is_greeting(JuteReader in) {
  in.skip(4 + 4 + 8);
  const bool whole = in.text().size() == kPasswordBytes && !in.failed();
  if (!in.at_end()) in.boolean();
  return whole && !in.failed() && in.at_end();
}

void read_text(JuteReader& in) {
  in.skip(in.count(1));
}

void read_body(JuteReader& in, int32_t operation) {
  if (operation == kGetData) in.text();
  if (operation == kSync) read_text(in);
  if (operation == kGetChildren)
    for (size_t left = in.count(sizeof(int32_t)); left > 0 && !in.failed(); --left) read_text(in);
  if (operation == kGetAcl)
    for (size_t left = in.count(3 * sizeof(int32_t)); left > 0 && !in.failed(); --left) {
      in.skip(4);
      read_text(in);
      read_text(in);
    }
  if (operation == kGetData || operation == kExists || operation == kGetAcl) in.skip(kStatBytes);
}

}  // namespace

void Dialogue::ask(std::string_view frame) {
  if (!std::exchange(greeted_, true)) return;
  JuteReader in(frame);
  const auto number = in.number<int32_t>();
  const auto operation = in.number<int32_t>();
  if (number != kPing && number != kAuthentication) open_.emplace_back(number, operation);
}

std::string_view Dialogue::check_answer(std::string_view frame) {
  if (!greeted_) return "an answer before the first request";
  if (std::exchange(answered_, true)) return check_reply(frame);
  return is_greeting(JuteReader(frame)) ? "" : "what is no answer to a session request";
}

// ReplyHeader: xid, zxid, err. Then the body, unless there is an error.
std::string_view Dialogue::check_reply(std::string_view frame) {
  JuteReader in(frame);
  const auto number = in.number<int32_t>();
  in.skip(8);
  const auto error = in.number<int32_t>();
  if (in.failed()) return "an answer without a whole header";
  if (number == kPing || number == kAuthentication) return "";
  if (number == kNotification) return "a watch event, though nothing is watched";
  if (open_.empty() || open_.front().first != number) return "an answer that nobody asked for";
  const int32_t operation = open_.front().second;
  open_.pop_front();
  if (error == 0) read_body(in, operation);
  return in.failed() ? "an answer whose lengths do not fit it" : "";
}

}  // namespace kferry::zkoffsets
