#include "tests/support/fake_zookeeper.h"

#include <algorithm>
#include <utility>

#include "zkoffsets/jute.h"

namespace kferry::test {

using zkoffsets::JuteReader;
using zkoffsets::JuteWriter;

namespace {

constexpr Duration kSlice{20};

// ZooDefs.OpCode and KeeperException.Code
constexpr int32_t kExists = 3;
constexpr int32_t kGetData = 4;
constexpr int32_t kGetChildren = 8;
constexpr int32_t kPing = 11;
constexpr int32_t kMultiRead = 22;
constexpr int32_t kCloseSession = -11;
constexpr int32_t kSync = 9;
constexpr int32_t kUnimplemented = -6;
constexpr int32_t kNoNode = -101;
constexpr int32_t kNoAuth = -102;

void write_stat(const FakeNode& node, JuteWriter& out) {
  out.number(int64_t{1}).number(node.mzxid).number(int64_t{0}).number(node.mzxid * 1000);
  out.number(node.version).number(int32_t{0}).number(int32_t{0}).number(int64_t{0});
  out.number(static_cast<int32_t>(node.data.size())).number(int32_t{0}).number(int64_t{1});
}

std::string greeting() {
  JuteWriter out;
  out.number(int32_t{0}).number(int32_t{10'000}).number(int64_t{42});
  out.text(std::string(16, 'p')).boolean(false);
  return out.bytes();
}

std::string header(int32_t number, int32_t error) {
  JuteWriter out;
  out.number(number).number(int64_t{100}).number(error);
  return out.bytes();
}

}  // namespace

FakeZookeeper::FakeZookeeper(std::map<std::string, FakeNode> nodes)
    : nodes_(std::move(nodes)), listener_(listen_on_loopback()), port_(port_of(listener_)) {
  acceptor_ = std::thread([this] { accept_loop(); });
}

FakeZookeeper::~FakeZookeeper() {
  stop_ = true;
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
}

void FakeZookeeper::multi_read(MultiRead what) {
  const std::lock_guard lock(mutex_);
  multi_read_ = what;
}

void FakeZookeeper::spoil(int32_t operation, Spoiler how) {
  const std::lock_guard lock(mutex_);
  spoilers_[operation] = std::move(how);
}

std::optional<bool> FakeZookeeper::write_spoiled(const Socket& socket, int32_t operation,
                                                 int32_t number) {
  std::unique_lock lock(mutex_);
  const auto found = spoilers_.find(operation);
  if (found == spoilers_.end()) return std::nullopt;
  const Spoiled reply = found->second(number);
  lock.unlock();
  const bool written = reply.drip.count() == 0 ? write_all(socket, reply.bytes, stop_)
                                               : drip_all(socket, reply.bytes, reply.drip, stop_);
  return written && !reply.close;
}

int FakeZookeeper::count(int32_t operation) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(operation);
  return found == counts_.end() ? 0 : found->second;
}

int FakeZookeeper::largest_multi_read() const {
  const std::lock_guard lock(mutex_);
  return largest_multi_read_;
}

std::vector<std::vector<int32_t>> FakeZookeeper::multi_read_connections() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::vector<int32_t>> found;
  for (const auto& operations : operations_)
    if (std::ranges::find(operations, kMultiRead) != operations.end()) found.push_back(operations);
  return found;
}

void FakeZookeeper::accept_loop() {
  while (!stop_) {
    Socket socket = accept_within(listener_, kSlice);
    if (!socket.is_open()) continue;
    const std::lock_guard lock(mutex_);
    operations_.emplace_back();
    connections_.emplace_back([this, number = operations_.size() - 1, epoch = epoch_.load(),
                               one = std::move(socket)] { serve(one, number, epoch); });
  }
}

void FakeZookeeper::serve(const Socket& socket, size_t number, int epoch) {
  bool greeted = false;
  bool had_multi_read = false;
  while (!stop_ && (!had_multi_read || epoch == epoch_)) {
    if (!is_readable(socket, kSlice)) continue;
    const auto frame = read_frame(socket, stop_);
    if (!frame) return;
    const bool first = !std::exchange(greeted, true);
    JuteReader in(*frame);
    const auto request = in.number<int32_t>();
    const auto operation = first ? kGreeting : in.number<int32_t>();
    if (const auto goes_on = write_spoiled(socket, operation, request)) {
      if (!*goes_on) return;
      continue;
    }
    if (first) {
      if (!write_all(socket, framed(greeting()), stop_)) return;
      continue;
    }
    const Reply reply = handle(*frame, number);
    had_multi_read = had_multi_read || operation == kMultiRead;
    const std::string bytes = header(request, reply.error) + reply.body;
    if (!reply.silent && !write_all(socket, framed(bytes), stop_)) return;
    if (reply.close) return;
  }
}

FakeZookeeper::Reply FakeZookeeper::handle(std::string_view frame, size_t connection) {
  constexpr size_t kHeaderBytes = 8;
  JuteReader in(frame);
  in.skip(4);
  const auto operation = in.number<int32_t>();
  const std::lock_guard lock(mutex_);
  ++counts_[operation];
  if (operation != kPing) operations_[connection].push_back(operation);
  return answer(operation, frame.substr(kHeaderBytes));
}

FakeZookeeper::Reply FakeZookeeper::answer(int32_t operation, std::string_view body) {
  switch (operation) {
    case kGetData:
    case kGetChildren:
    case kExists:
      return read_node(operation, std::string(JuteReader(body).text()));
    case kSync:
      return {.body = std::string(body)};  // the path
    case kMultiRead:
      return answer_multi(body);
    default:
      return {.close = operation == kCloseSession};
  }
}

FakeZookeeper::Reply FakeZookeeper::answer_multi(std::string_view body) {
  if (multi_read_ == MultiRead::kUnknown) return {.error = kUnimplemented, .close = true};
  if (multi_read_ == MultiRead::kHangUp) return {.silent = true, .close = true};
  if (multi_read_ == MultiRead::kSilence) return {.silent = true};
  JuteReader in(body);
  JuteWriter out;
  int nodes = 0;
  while (true) {
    const auto operation = in.number<int32_t>();
    const bool done = in.boolean();
    in.skip(4);
    if (done) break;
    const std::string path(in.text());
    in.boolean();
    const Reply one = read_node(operation, path);
    const bool nonsense = ++nodes == 2 && multi_read_ == MultiRead::kNonsense;
    out.number(one.error != 0 ? -1 : nonsense ? kSync : operation).boolean(false);
    out.number(one.error).append(one.body);
    if (one.error != 0) out.number(one.error);
    largest_multi_read_ = std::max(largest_multi_read_, nodes);
  }
  if (multi_read_ != MultiRead::kCutOff) out.number(int32_t{-1}).boolean(true).number(int32_t{-1});
  return {.body = out.bytes()};
}

FakeZookeeper::Reply FakeZookeeper::read_node(int32_t operation, const std::string& path) const {
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return {.error = kNoNode};
  const FakeNode& node = found->second;
  if (node.denied && operation != kExists) return {.error = kNoAuth};
  JuteWriter out;
  if (operation == kGetData) out.text(node.data);
  if (operation != kGetChildren) {
    write_stat(node, out);
    return {.body = out.bytes()};
  }
  std::vector<std::string> names;
  for (const auto& [other, ignored] : nodes_)
    if (other.starts_with(path + "/") && other.find('/', path.size() + 1) == std::string::npos)
      names.push_back(other.substr(path.size() + 1));
  std::ranges::reverse(names);  // in no order that anybody could rely on
  out.number(static_cast<int32_t>(names.size()));
  for (const std::string& name : names) out.text(name);
  return {.body = out.bytes()};
}

}  // namespace kferry::test
