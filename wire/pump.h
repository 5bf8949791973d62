// One direction of a connection that is carried through this process. Internal to connection.cc:
// whoever includes it gets Asio.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

namespace kferry::wire {

// What of the bytes may go on; nullopt: nothing any more.
using Inspection = std::function<std::optional<std::string>(std::string_view)>;

// Reads from one stream and writes to the other, until one of them fails or ends, or `inspect` says
// so: `over` is set then. Must live until its last handler has run.
template <class From, class To>
class Pump {
 public:
  Pump(From& from, To& to, bool& over, Inspection inspect = {})
      : from_(from), to_(to), over_(over), inspect_(std::move(inspect)) {}

  void start() {
    from_.async_read_some(boost::asio::buffer(buffer_),
                          [this](boost::system::error_code error, size_t size) {
                            if (error)
                              over_ = true;
                            else
                              inspect(size);
                          });
  }

 private:
  void inspect(size_t size) {
    if (!inspect_) return pass_on(boost::asio::buffer(buffer_, size));
    auto passed = inspect_(std::string_view(buffer_.data(), size));
    if (!passed) {
      over_ = true;
    } else if (passed->empty()) {
      start();
    } else {
      passed_ = std::move(*passed);
      pass_on(boost::asio::buffer(passed_));
    }
  }

  void pass_on(boost::asio::const_buffer bytes) {
    boost::asio::async_write(to_, bytes, [this](boost::system::error_code error, size_t) {
      if (error)
        over_ = true;
      else
        start();
    });
  }

  From& from_;
  To& to_;
  bool& over_;
  const Inspection inspect_;
  std::string passed_;
  std::array<char, 64UL * 1024> buffer_{};
};

}  // namespace kferry::wire
