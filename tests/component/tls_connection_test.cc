// A Connection with TLS against a peer of Asio's: everything that the one without can do.
#include <array>
#include <filesystem>
#include <functional>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include "tests/support/command.h"
#include "tests/support/expectations.h"
#include "tests/support/fake_broker.h"
#include "tests/support/sockets.h"
#include "wire/connection.h"
#include "wire/tls_context.h"

namespace kferry::wire {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using test::fails;
using test::ok;
using test::wait_for;

constexpr Duration kLong{20'000};

// Its certificate is localhost's, and an authority of its own.
class TlsConnection : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::temp_directory_path() / fmt::format("kferry-tls-{}", getpid());
    fs::create_directories(folder_);
    const auto made = test::run_command(fmt::format(
        "cd {} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
        "-keyout key.pem -out certificate.pem -days 2 -subj /CN=x "
        "-addext subjectAltName=DNS:localhost 2>/dev/null",
        test::shell_quote(folder_.string())));
    if (made.exit_code != 0) throw std::runtime_error("openssl req");
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  static std::shared_ptr<const TlsContext> context() {
    TlsSettings settings;
    settings.ca_location = folder_ / "certificate.pem";
    return TlsContext::make(settings).value();
  }
  static std::string file(const std::string& name) { return folder_ / name; }

 private:
  inline static fs::path folder_;
};

using Stream = asio::ssl::stream<asio::ip::tcp::socket>;

// Takes one connection and serves it; ends when the client goes.
class TlsServer {
 public:
  TlsServer(const std::string& certificate, const std::string& key,
            std::function<void(Stream&)> serve)
      : serve_(std::move(serve)), listener_(test::listen_on_loopback()) {
    settings_.use_certificate_chain_file(certificate);
    settings_.use_private_key_file(key, asio::ssl::context::pem);
    thread_ = std::jthread([this] { run(); });
  }

  Address address() const { return {"localhost", test::port_of(listener_)}; }

 private:
  void run() {
    test::Socket accepted = test::accept_within(listener_, kLong);
    if (!accepted.is_open()) return;
    Stream stream(io_, settings_);
    stream.next_layer().assign(asio::ip::tcp::v4(), dup(accepted.descriptor()));
    stream.next_layer().non_blocking(false);
    boost::system::error_code error;
    stream.handshake(asio::ssl::stream_base::server, error);
    if (!error) serve_(stream);
  }

  asio::io_context io_;
  asio::ssl::context settings_{asio::ssl::context::tls_server};
  std::function<void(Stream&)> serve_;
  test::Socket listener_;
  std::jthread thread_;
};

// Sends back every frame, `delay` later.
std::function<void(Stream&)> echo(Duration delay = Duration(0)) {
  return [delay](Stream& stream) {
    for (boost::system::error_code error;;) {
      std::string frame(4, '\0');
      asio::read(stream, asio::buffer(frame), error);
      if (error) return;
      frame.resize(4 + static_cast<size_t>(test::int32_from(frame)));
      asio::read(stream, asio::buffer(frame.data() + 4, frame.size() - 4), error);
      std::this_thread::sleep_for(delay);
      asio::write(stream, asio::buffer(frame), error);
      if (error) return;
    }
  };
}

TEST_F(TlsConnection, CarriesFramesOfAnySize) {
  TlsServer server(file("certificate.pem"), file("key.pem"), echo());
  auto connection = Connection::open(server.address(), wait_for(kLong), context().get());
  ASSERT_TRUE(ok(connection));
  for (const size_t size : {size_t{4}, size_t{20'000}, size_t{5'000'000}}) {
    const std::string half(size / 2, 'x');
    ASSERT_TRUE(ok(connection->send({half, half}, wait_for(kLong))));
    EXPECT_EQ(connection->receive(wait_for(kLong)), half + half);
  }
}

TEST_F(TlsConnection, CanBeAskedWhetherThereIsAnAnswer) {
  TlsServer server(file("certificate.pem"), file("key.pem"), echo(Duration(600)));
  auto connection = Connection::open(server.address(), wait_for(kLong), context().get());
  ASSERT_TRUE(ok(connection));
  // The session tickets of TLS 1.3 come first: they are no answer.
  EXPECT_EQ(connection->has_answer(wait_for(Duration(100))), false);
  for (const char* const text : {"first", "second"}) {
    ASSERT_TRUE(ok(connection->send({text}, wait_for(kLong))));
    EXPECT_EQ(connection->has_answer(wait_for(Duration(50))), false);
    EXPECT_EQ(connection->has_answer(wait_for(Duration(0))), false);
    EXPECT_EQ(connection->has_answer(wait_for(kLong)), true);
    EXPECT_EQ(connection->has_answer(wait_for(Duration(0))), true);
    EXPECT_EQ(connection->receive(wait_for(kLong)), text);
  }
}

TEST_F(TlsConnection, TheEndIsAnAnswerThatFails) {
  TlsServer server(file("certificate.pem"), file("key.pem"), [](Stream&) {});
  auto connection = Connection::open(server.address(), wait_for(kLong), context().get());
  ASSERT_TRUE(ok(connection));
  EXPECT_EQ(connection->has_answer(wait_for(kLong)), true);
  EXPECT_TRUE(fails(connection->receive(wait_for(kLong)), ErrorKind::kUnreachable, ""));
  EXPECT_TRUE(connection->closed_by_peer());
  EXPECT_FALSE(connection->is_open());
}

TEST_F(TlsConnection, CarriesBytesForSomebodyElse) {
  TlsServer server(file("certificate.pem"), file("key.pem"), echo());
  auto connection = Connection::open(server.address(), wait_for(kLong), context().get());
  ASSERT_TRUE(ok(connection));
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  test::Socket near(ends[0]);
  const StopToken never;
  std::jthread carrying([&] { connection->carry(ends[1], never); });
  const test::StopFlag go_on = false;
  const std::string payload(300'000, 'y');
  std::jthread writing([&] { EXPECT_TRUE(test::write_all(near, test::framed(payload), go_on)); });
  EXPECT_EQ(test::read_frame(near, go_on), payload);
  writing.join();
  near.close();
  carrying.join();
  EXPECT_FALSE(connection->is_open());
}

TEST_F(TlsConnection, APeerThatIsSilentInTheHandshakeIsLeft) {
  const test::Socket listener = test::listen_on_loopback();  // the kernel accepts for it
  const Address address{"localhost", test::port_of(listener)};
  test::Stopwatch watch;
  EXPECT_TRUE(fails(Connection::open(address, wait_for(Duration(300)), context().get()),
                    ErrorKind::kUnreachable, "timed out while shaking hands for TLS"));
  StopToken stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Duration(200));
    stop.request_stop();
  });
  EXPECT_TRUE(fails(Connection::open(address, Wait(Deadline::after(kLong), stop), context().get()),
                    ErrorKind::kInterrupted, "shaking hands"));
  EXPECT_LT(watch.elapsed(), Duration(5'000));
}

TEST_F(TlsConnection, AnotherNameIsNotAccepted) {
  TlsServer server(file("certificate.pem"), file("key.pem"), echo());
  Address address = server.address();
  address.host = "127.0.0.1";
  EXPECT_TRUE(fails(Connection::open(address, wait_for(kLong), context().get()),
                    ErrorKind::kUnreachable,
                    "its certificate is not accepted: IP address mismatch"));
}

}  // namespace
}  // namespace kferry::wire
