#include "verify/html.h"

#include <gtest/gtest.h>

#include "tests/support/expectations.h"
#include "tests/unit/verify/sample_report.h"
#include "verify/report_json.h"

namespace kferry::verify {
namespace {

using test::has;

TEST(Html, WhatComesFromOutsideIsText) {
  EXPECT_EQ(escape_html("<b a=\"1\" c='2'>&amp;</b>"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;&lt;/b&gt;");
  EXPECT_EQ(escape_html("t\xc3\xa4glich"), "t\xc3\xa4glich");
  EXPECT_EQ(escape_html("a\xff\x1b\n"), "a\\xFF\\x1B\\x0A");
  EXPECT_EQ(escape_html("\xe2\x80\xae"), "\\xE2\\x80\\xAE") << "turns the writing direction";
}

TEST(Html, APageIsClosedAndCarriesItsStyle) {
  HtmlPage page("A <title>", {"all is \"well\"", Tone::kGood});
  page.section("One & only");
  page.facts({{"<name>", "<value>"}});
  page.list({"<item>"}, Tone::kBad);
  page.table({{"A\"b"}, {"N", true}}, {{{"<x>"}, {"1", Tone::kWarn}}});
  const std::string text = page.finish("2026-11-27T00:00:00.000Z");
  EXPECT_TRUE(text.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(text.ends_with("</html>\n"));
  EXPECT_TRUE(has(text, "<title>A &lt;title&gt;</title>"));
  EXPECT_TRUE(has(text, "prefers-color-scheme: dark"));
  EXPECT_TRUE(has(text, "class=\"badge good\">all is &quot;well&quot;<"));
  EXPECT_TRUE(has(text,
                  "<td data-label=\"A&quot;b\" class=\"\">&lt;x&gt;</td>"
                  "<td data-label=\"N\" class=\"number warn\">1</td>"));
  EXPECT_TRUE(has(text, "default-src 'none'"));
  EXPECT_EQ(text.find("<script"), std::string::npos);
  EXPECT_EQ(text.find("<x>"), std::string::npos);
  EXPECT_EQ(text.find("<item>"), std::string::npos);
}

TEST(Html, TheDiffReport) {
  DiffReport report = testing::sample_report();
  report.groups[0].partitions[0].detail = "<script>alert(1)</script>";
  const std::string text = to_html(report, 1'000);
  EXPECT_TRUE(has(text, "<h1>kferry migrate</h1>"));
  EXPECT_TRUE(has(text, "&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_EQ(text.find("<script"), std::string::npos);
  EXPECT_TRUE(has(text, "class=\"bad\">refused</td>"));
  EXPECT_TRUE(has(text, "class=\"good\">migrated</td>"));
  EXPECT_TRUE(has(text, "zk1:2181,zk2:2181/kafka"));
  EXPECT_TRUE(has(to_html(report, 2), "more partitions: the JSON report has all of them"));
}

}  // namespace
}  // namespace kferry::verify
