// `kferry status` and the status page of a mirror at work between real clusters; the page in a real
// browser.
#include <csignal>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "tests/integration/mirror_fixture.h"
#include "tests/support/http_client.h"

namespace kferry::mirror {
namespace {

class StatusOnBrokers : public MirrorOnBrokers {
 protected:
  static ProcessResult status(const std::string& flow, const Arguments& more = {}) {
    return testenv::run_kferry(
        Arguments{"status", "--target", clusters().target_bootstrap_servers(), "--flow", flow} +
        more);
  }
  static Json json_status(const std::string& flow) {
    const Json read = Json::parse(status(flow, {"--format", "json"}).out, nullptr, false);
    return read.is_discarded() ? Json() : read;
  }
};

TEST_F(StatusOnBrokers, AnotherMachineSeesTheFlowInItsStateTopic) {
  const std::string name = "seen-from-afar";
  source().create(name, 3);
  source().append_some(at(name, 0), {70}, 1'000);
  source().append_some(at(name, 2), {30}, 1'000);
  source().commit("seen-group", at(name, 0), 40);
  MirrorProcess mirror(clusters(), flow(name, name) + Arguments{"--groups", "seen-group"});
  ASSERT_TRUE(mirror.reaches(has_no_lag)) << mirror.log();
  ASSERT_TRUE(before_long([&] { return status(name).exit_code == 0; })) << status(name).out;
  const Json seen = json_status(name);
  EXPECT_EQ(seen["summary"]["partitions"], 3);
  EXPECT_EQ(partition_of(seen, name, 0)["position"], 70);
  EXPECT_EQ(partition_of(seen, name, 0)["identity"], true);
  EXPECT_EQ(seen["groups"][0]["state"], "synced");
  EXPECT_EQ(seen["processes"][0]["slots"], 32);
  EXPECT_EQ(seen["processes"][0]["instance"], mirror.status()["instance"]);
  const ProcessResult by_url =
      testenv::run_kferry({"status", "--url", fmt::format("http://127.0.0.1:{}", mirror.port())});
  EXPECT_EQ(by_url.exit_code, 0) << by_url.out << by_url.err;
  EXPECT_NE(by_url.out.find("flow seen-from-afar: well"), std::string::npos) << by_url.out;

  EXPECT_EQ(mirror.stop().exit_code, 0);
  const ProcessResult afterwards = status(name);
  EXPECT_EQ(afterwards.exit_code, 3);
  EXPECT_NE(afterwards.out.find("no mirror is running: process"), std::string::npos)
      << afterwards.out;
  EXPECT_NE(afterwards.out.find(" ended at "), std::string::npos) << afterwards.out;
}

TEST_F(StatusOnBrokers, WhatCannotFollowIsNamedWithItsReason) {
  const std::string name = "stuck";
  source().create(name, 2);
  target().create(name, 2);
  target().append_some(at(name, 1), {5}, 500);  // not ours: no identity
  source().append_some(at(name, 0), {10}, 1'000);
  source().append_some(at(name, 1), {10}, 1'000);
  MirrorProcess mirror(clusters(), flow(name, name) + Arguments{"--offsets", "identity"});
  ASSERT_TRUE(mirror.reaches([](const Json& now) { return in_phase(now, "quarantined") == 1; }))
      << mirror.log();
  ASSERT_TRUE(before_long([&] {
    const Json seen = json_status(name);
    return !seen.is_null() && in_phase(seen, "quarantined") == 1;
  }));
  const ProcessResult told = status(name);
  EXPECT_EQ(told.exit_code, 3);
  EXPECT_NE(told.out.find("1 partition cannot follow: stuck-1 ("), std::string::npos) << told.out;
  EXPECT_EQ(mirror.stop().exit_code, 0);
}

TEST_F(StatusOnBrokers, WatchingEndsWithTheInterrupt) {
  const std::string name = "watched";
  source().create(name, 1);
  MirrorProcess mirror(clusters(), flow(name, name));
  ASSERT_TRUE(mirror.reaches(has_no_lag)) << mirror.log();
  testenv::ChildProcess watching({testenv::kferry_binary().string(), "status", "--watch", "--url",
                                  fmt::format("http://127.0.0.1:{}", mirror.port()), "--interval",
                                  "500ms"});
  ASSERT_TRUE(before_long([&] { return std::ranges::count(watching.out(), '\n') >= 3; }));
  watching.send_signal(SIGINT);
  const auto ended = watching.wait(30'000);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 130) << ended->err;
  EXPECT_NE(ended->out.find("watched: 100%, "), std::string::npos) << ended->out;
  EXPECT_EQ(mirror.stop().exit_code, 0);
}

TEST_F(StatusOnBrokers, NoFlowIsRefusedAndNobodyThereIsUnreachable) {
  const ProcessResult none = status("no-such-flow");
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_NE(none.err.find("was never mirrored"), std::string::npos) << none.err;
  EXPECT_EQ(testenv::run_kferry({"status"}).exit_code, 2);
  EXPECT_EQ(testenv::run_kferry({"status", "--url", "http://127.0.0.1:1"}).exit_code, 5);
  EXPECT_EQ(testenv::run_kferry({"status", "--target", "127.0.0.1:1", "--request-timeout", "3s"})
                .exit_code,
            5);
}

// What the page shows in a browser, after its script has run: the document as it stands then.
// `screenshot`: also as a picture, where a file is given.
std::string in_chromium(const std::string& url, const std::string& screenshot = {}) {
  const std::string profile = testing::TempDir() + "kferry-chromium";
  Arguments command{"chromium",
                    "--headless=new",
                    "--no-sandbox",  // the tests run as root
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--hide-scrollbars",
                    "--user-data-dir=" + profile,
                    "--window-size=1100,1250",
                    "--virtual-time-budget=9000"};
  command.push_back(screenshot.empty() ? "--dump-dom" : "--screenshot=" + screenshot);
  command.push_back(url);
  const ProcessResult run = testenv::run_process(command, {.timeout_ms = 120'000});
  std::filesystem::remove_all(profile);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  return run.out;
}

TEST_F(StatusOnBrokers, ThePageInABrowser) {
  const std::string name = "on-the-page";
  source().create(name, 2);
  target().create(name, 2);
  target().append_some(at(name, 1), {5}, 500);
  source().append_some(at(name, 0), {10}, 1'000);
  source().append_some(at(name, 1), {10}, 1'000);
  source().commit("page-<b>group", at(name, 0), 4);
  MirrorProcess mirror(
      clusters(), flow(name, name) + Arguments{"--offsets", "identity", "--groups", "page-.*"});
  ASSERT_TRUE(mirror.reaches([](const Json& now) {
    return in_phase(now, "quarantined") == 1 && in_phase(now, "copying") == 1 &&
           now.at("summary").at("synced_groups") == 1;
  })) << mirror.log();
  const std::string url = fmt::format("http://127.0.0.1:{}/", mirror.port());
  const std::string shown = in_chromium(url);
  for (const char* const part :
       {">on-the-page</h1>", "badge bad\" role=\"status\">needs attention",
        "1 partition cannot follow: on-the-page-1", "aria-label=\"partitions of on-the-page\"",
        ">quarantined 1<", "page-&lt;b&gt;group", "<polyline points="})
    EXPECT_NE(shown.find(part), std::string::npos) << part << "\n" << shown;
  EXPECT_EQ(shown.find("<b>group"), std::string::npos);
  if (const char* const picture = std::getenv("KFERRY_SCREENSHOT")) in_chromium(url, picture);
  EXPECT_EQ(mirror.stop().exit_code, 0);
}

}  // namespace
}  // namespace kferry::mirror
