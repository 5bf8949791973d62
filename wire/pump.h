// One direction of a connection that is carried through this process. Internal to connection.cc:
// whoever includes it gets Asio.
#pragma once

#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

namespace kferry::wire {

// Reads from one stream and writes to the other, until one of them fails or ends: `over` is set
// then. Must live until its last handler has run.
template <class From, class To>
class Pump {
 public:
  Pump(From& from, To& to, bool& over) : from_(from), to_(to), over_(over) {}

  void start() {
    from_.async_read_some(boost::asio::buffer(buffer_),
                          [this](boost::system::error_code error, size_t size) {
                            if (error)
                              over_ = true;
                            else
                              pass_on(size);
                          });
  }

 private:
  void pass_on(size_t size) {
    boost::asio::async_write(to_, boost::asio::buffer(buffer_, size),
                             [this](boost::system::error_code error, size_t) {
                               if (error)
                                 over_ = true;
                               else
                                 start();
                             });
  }

  From& from_;
  To& to_;
  bool& over_;
  std::array<char, 64UL * 1024> buffer_{};
};

}  // namespace kferry::wire
