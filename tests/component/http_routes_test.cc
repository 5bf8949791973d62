// The mirror's own routes through the server, while the flow changes under it.
#include "replicate/http_routes.h"

#include <mutex>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/expectations.h"
#include "tests/support/http_client.h"
#include "tests/unit/replicate/sample_status.h"

namespace kferry::replicate {
namespace {

using test::ask;
using test::has;
using test::ok;

class Flow : public StatusSource, public Controls {
 public:
  FlowStatus status() const override {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  void set_max_bytes_per_second(int64_t limit) override {
    const std::lock_guard lock(mutex_);
    status_.max_bytes_per_second = limit;
  }
  void copy_one() {
    const std::lock_guard lock(mutex_);
    ++status_.partitions[0].records;
  }

 private:
  mutable std::mutex mutex_;
  FlowStatus status_ = test::sample_status();
};

TEST(HttpRoutesOverHttp, AllOfThem) {
  Flow flow;
  auto server = HttpServer::start("127.0.0.1:0", operation_routes(flow, flow, true));
  ASSERT_TRUE(ok(server));
  const uint16_t port = (*server)->port();
  EXPECT_EQ(ask(port, "GET", "/livez").status, 200);
  EXPECT_EQ(ask(port, "GET", "/readyz").status, 200);
  EXPECT_TRUE(has(ask(port, "GET", "/metrics").header, "text/plain; version=0.0.4"));
  for (int i = 0; i < 50; ++i) {
    flow.copy_one();
    EXPECT_TRUE(has(ask(port, "GET", "/metrics").body,
                    fmt::format(R"(topic="orders",partition="0"}} {})", 701 + i)));
  }
  const auto status = nlohmann::json::parse(ask(port, "GET", "/status").body);
  EXPECT_EQ(status["partitions"][0]["records"], 750);
  EXPECT_EQ(ask(port, "PUT", "/max-bytes-per-second", "123").status, 200);
  EXPECT_EQ(flow.status().max_bytes_per_second, 123);
  EXPECT_EQ(ask(port, "PUT", "/max-bytes-per-second", "fast").status, 400);
  EXPECT_EQ(ask(port, "PUT", "/metrics", "1").status, 405);
  EXPECT_EQ(ask(port, "GET", "/").status, 404);
}

}  // namespace
}  // namespace kferry::replicate
