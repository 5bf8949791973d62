// The status page through the server, and `kferry status --url`'s client against it.
#include "replicate/page_routes.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/verbs.h"
#include "replicate/http_client.h"
#include "replicate/http_routes.h"
#include "replicate/status_json.h"
#include "tests/support/expectations.h"
#include "tests/support/http_client.h"
#include "tests/unit/replicate/sample_status.h"

namespace kferry::replicate {
namespace {

using test::ask;
using test::fails;
using test::has;
using test::ok;

class Flow : public StatusSource, public Controls {
 public:
  FlowStatus status() const override {
    ++taken;
    FlowStatus status = test::sample_status();
    status.processes = {{"mirror-0", status.started_at_ms, status.taken_at_ms, 32}};
    if (is_well) {
      status.troubles.clear();
      status.groups.clear();
      status.partitions.resize(1);
      status.partitions[0].position = status.partitions[0].source_end;
    }
    return status;
  }
  void set_max_bytes_per_second(int64_t) override {}

  bool is_well = false;
  mutable std::atomic<int> taken = 0;
};

class PageRoutes : public ::testing::Test {
 protected:
  PageRoutes() {
    auto routes = operation_routes(flow_, flow_, false);
    for (HttpRoute& route : page_routes(flow_)) routes.push_back(std::move(route));
    server_ = std::move(*HttpServer::start("127.0.0.1:0", std::move(routes)));
  }
  uint16_t port() const { return server_->port(); }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", port()); }
  int status_verb(std::vector<std::string> more, std::string* printed = nullptr) const {
    more.insert(more.end(), {"--url", url()});
    cli::Output output;
    const auto code = cli::run_status(more, stop_, output);
    EXPECT_TRUE(ok(code));
    if (printed != nullptr) *printed = output.out;
    return code.value_or(-1);
  }

  Flow flow_;
  std::unique_ptr<HttpServer> server_;
  StopToken stop_;
};

TEST_F(PageRoutes, ThePageComesWithAStrictPolicy) {
  for (const auto& [path, type] : std::map<std::string, std::string>{
           {"/", "text/html"}, {"/page.css", "text/css"}, {"/page.js", "text/javascript"}}) {
    const auto answer = ask(port(), "GET", path);
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_TRUE(has(answer.header, "Content-Type: " + type));
    EXPECT_TRUE(
        has(answer.header, "Content-Security-Policy: default-src 'none'; script-src 'self'"));
    EXPECT_TRUE(has(answer.header, "X-Content-Type-Options: nosniff"));
  }
  EXPECT_TRUE(has(ask(port(), "GET", "/page.css").body, "prefers-color-scheme: dark"));
}

TEST_F(PageRoutes, WhatThePagePolls) {
  const auto summary = nlohmann::json::parse(ask(port(), "GET", "/status/summary").body);
  EXPECT_EQ(summary["summary"]["phases"]["quarantined"], 1);
  const auto topics = nlohmann::json::parse(ask(port(), "GET", "/status/topics?q=ord").body);
  EXPECT_EQ(topics["rows"][0]["topic"], "orders");
  const auto weird =
      nlohmann::json::parse(ask(port(), "GET", "/status/partitions?topic=we%22ird%5C%0A").body);
  EXPECT_EQ(weird["total"], 1);
  EXPECT_EQ(ask(port(), "GET", "/status/groups?limit=9999").status, 400);
  EXPECT_EQ(ask(port(), "PUT", "/status/groups").status, 405);
}

TEST_F(PageRoutes, OneStatusServesARoundOfThePage) {
  const auto watch = test::Stopwatch();
  for (int i = 0; i < 20; ++i) ask(port(), "GET", "/status/summary");
  EXPECT_LE(flow_.taken, 2 + watch.elapsed() / Duration(500));
}

TEST_F(PageRoutes, TheVerbReadsWhatTheMirrorSays) {
  std::string printed;
  EXPECT_EQ(status_verb({}, &printed), 3);
  EXPECT_TRUE(has(printed, "flow onprem->cloud: needs attention"));
  EXPECT_TRUE(has(printed, "1 partition cannot follow: orders-1"));
  EXPECT_EQ(status_verb({"--format", "json"}, &printed), 3);
  EXPECT_EQ(nlohmann::json::parse(printed),
            nlohmann::json::parse(ask(port(), "GET", "/status").body));
  flow_.is_well = true;
  EXPECT_EQ(status_verb({}, &printed), 0);
  EXPECT_TRUE(has(printed, "flow onprem->cloud: well"));
}

TEST_F(PageRoutes, TheClientSaysWhatIsWrong) {
  const StopToken stop;
  const auto get = [&](const std::string& text, size_t most_bytes) {
    return http_get(*parse_http_url(text), "", most_bytes,
                    Wait(Deadline::after(Duration(20'000)), stop));
  };
  EXPECT_TRUE(ok(get(url() + "/livez/", 100)));
  EXPECT_TRUE(fails(get(url() + "/status", 100), ErrorKind::kFailed, "body limit"));
  EXPECT_TRUE(fails(get(url() + "/nothing", 100), ErrorKind::kFailed, "status 404"));
  EXPECT_TRUE(
      fails(parse_status(ask(port(), "GET", "/livez").body), ErrorKind::kFailed, "no JSON"));
  const std::string gone = url();
  server_.reset();
  EXPECT_TRUE(fails(get(gone, 100), ErrorKind::kUnreachable, gone));
}

TEST(HttpUrl, IsReadStrictly) {
  const auto url = parse_http_url("http://[::1]:9400/mirror/");
  ASSERT_TRUE(ok(url));
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, "9400");
  EXPECT_EQ(url->path, "/mirror");
  EXPECT_EQ(parse_http_url("http://host")->port, "80");
  for (const char* const bad : {"", "host:1", "https://host", "http://", "http://:80", "http://h:x",
                                "http://h:1/a b", "http://u@h:1", "http://h:1?x", "http://h:"})
    EXPECT_TRUE(fails(parse_http_url(bad), ErrorKind::kUsage, "")) << bad;
}

}  // namespace
}  // namespace kferry::replicate
