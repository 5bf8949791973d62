#include "replicate/http_routes.h"

#include <stdexcept>

#include <gtest/gtest.h>

#include "sample_status.h"
#include "tests/support/expectations.h"

namespace kferry::replicate {
namespace {

using test::has;

class Flow : public StatusSource, public Controls {
 public:
  FlowStatus status() const override { return status_; }
  void set_max_bytes_per_second(int64_t limit) override { status_.max_bytes_per_second = limit; }

  FlowStatus status_ = test::sample_status();
};

class HttpRoutes : public testing::Test {
 protected:
  HttpResponse call(const std::string& method, const std::string& path,
                    const std::string& body = {}) {
    for (const HttpRoute& route : routes_)
      if (route.method == method && route.path == path)
        return route.handler({method, path, "", body});
    throw std::runtime_error("no such route");
  }

  Flow flow_;
  std::vector<HttpRoute> routes_ = operation_routes(flow_, flow_, false);
};

TEST_F(HttpRoutes, MetricsAndStatusHaveTheirTypes) {
  const HttpResponse metrics = call("GET", "/metrics");
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_TRUE(has(metrics.body, "kferry_partition_lag_records{"));
  EXPECT_EQ(metrics.body.find("mirrorsourceconnector"), std::string::npos);
  const HttpResponse status = call("GET", "/status");
  EXPECT_EQ(status.content_type, "application/json");
  EXPECT_TRUE(has(status.body, "kferry/mirror-status/v1"));
  routes_ = operation_routes(flow_, flow_, true);
  EXPECT_TRUE(has(call("GET", "/metrics").body, "mirrorsourceconnector_record_count{"));
}

TEST_F(HttpRoutes, AliveAndReady) {
  EXPECT_EQ(call("GET", "/livez").status, 200);
  EXPECT_EQ(call("GET", "/readyz").status, 200);
  flow_.status_.ready = false;
  EXPECT_EQ(call("GET", "/livez").status, 200);
  const HttpResponse not_ready = call("GET", "/readyz");
  EXPECT_EQ(not_ready.status, 503);
  EXPECT_EQ(not_ready.body, "not ready\ncloud: broker 2 is unreachable\n");
}

TEST_F(HttpRoutes, TheByteRateCanBeChanged) {
  const std::string path = "/max-bytes-per-second";
  EXPECT_EQ(call("GET", path).body, "5000000\n");
  EXPECT_EQ(call("PUT", path, " 1000\r\n").body, "1000\n");
  EXPECT_EQ(flow_.status_.max_bytes_per_second, 1'000);
  for (const char* const wrong : {"", " ", "-1", "1.5", "1e6", "5MB", "0x10", "+3", "1 2",
                                  "9223372036854775808"}) {
    const HttpResponse refused = call("PUT", path, wrong);
    EXPECT_EQ(refused.status, 400) << wrong;
    EXPECT_EQ(refused.body,
              "not a number of bytes per second; give a whole number, 0 for no limit\n");
  }
  EXPECT_EQ(flow_.status_.max_bytes_per_second, 1'000);
  EXPECT_EQ(call("PUT", path, "0").status, 200);
  EXPECT_EQ(flow_.status_.max_bytes_per_second, 0);
}

}  // namespace
}  // namespace kferry::replicate
