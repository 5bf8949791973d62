// Dependencies point down only, and the sources are tidy.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/support/source_rules.h"

namespace kferry::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> texts(const std::vector<Problem>& problems) {
  std::vector<std::string> found;
  for (const Problem& problem : problems) found.push_back(to_string("f", problem));
  return found;
}

bool has_includes_problem(std::string_view path, const std::string& include) {
  const auto problems = check_includes(path, "// x\n#include " + include + "\n");
  EXPECT_LE(problems.size(), 1U);
  return !problems.empty() && problems[0].line == 2;
}

TEST(Layering, IncludesPointDownOnly) {
  EXPECT_FALSE(has_includes_problem("wire/a.h", "\"base/result.h\""));
  EXPECT_FALSE(has_includes_problem("wire/a.cc", "\"auth/access_token.h\""));
  EXPECT_FALSE(has_includes_problem("wire/messages/a.h", "\"wire/field.h\""));
  EXPECT_FALSE(has_includes_problem("groupproto/a.cc", "\"wire/messages.h\""));
  EXPECT_FALSE(has_includes_problem("migrate/a.cc", "\"verify/report.h\""));
  EXPECT_FALSE(has_includes_problem("cli/verbs/a.cc", "\"replicate/flow.h\""));

  EXPECT_TRUE(has_includes_problem("base/a.h", "\"wire/field.h\""));
  EXPECT_TRUE(has_includes_problem("auth/a.h", "\"wire/address.h\""));
  EXPECT_TRUE(has_includes_problem("wire/a.h", "\"kafkaio/admin.h\""));
  EXPECT_TRUE(has_includes_problem("kafkaio/a.h", "\"wire/field.h\""));
  EXPECT_TRUE(has_includes_problem("zkoffsets/a.h", "\"groupproto/session.h\""));
  EXPECT_TRUE(has_includes_problem("groupproto/a.h", "\"zkoffsets/session.h\""));
  EXPECT_TRUE(has_includes_problem("verify/a.h", "\"migrate/plan.h\""));
  EXPECT_TRUE(has_includes_problem("migrate/a.cc", "\"cli/exit_code.h\""));
  EXPECT_TRUE(has_includes_problem("wire/a.cc", "\"tests/support/x.h\""));
  EXPECT_TRUE(has_includes_problem("wire/a.cc", "\"field.h\""));
}

TEST(Layering, ThirdPartyHeadersAreWhereTheyMayBe) {
  for (const char* const anywhere : {"<vector>", "<unistd.h>", "<sys/stat.h>", "<fmt/format.h>"})
    EXPECT_FALSE(has_includes_problem("groupproto/a.cc", anywhere)) << anywhere;
  EXPECT_FALSE(has_includes_problem("wire/a.cc", "<boost/asio/ip/tcp.hpp>"));
  EXPECT_FALSE(has_includes_problem("kafkaio/a.cc", "<librdkafka/rdkafka.h>"));
  EXPECT_FALSE(has_includes_problem("zkoffsets/a.cc", "<zookeeper/zookeeper.h>"));
  EXPECT_FALSE(has_includes_problem("migrate/a.cc", "<nlohmann/json.hpp>"));

  EXPECT_TRUE(has_includes_problem("wire/a.cc", "<librdkafka/rdkafka.h>"));
  EXPECT_TRUE(has_includes_problem("wire/a.cc", "<nlohmann/json.hpp>"));
  EXPECT_TRUE(has_includes_problem("groupproto/a.cc", "<boost/asio.hpp>"));
  EXPECT_TRUE(has_includes_problem("migrate/a.cc", "<boost/program_options.hpp>"));
  EXPECT_TRUE(has_includes_problem("migrate/a.cc", "<curl/curl.h>"));
  EXPECT_TRUE(has_includes_problem("base/a.cc", "<zlib.h>"));
}

TEST(Layering, UntidinessIsSeen) {
  const std::string long_line(101, 'x');
  const std::string exact = "// " + std::string(96, 'x') + "\u00fc";
  EXPECT_EQ(texts(check_tidiness("a.h", "#pragma once\nint source;  // not src\n" + exact + "\n")),
            std::vector<std::string>{});
  EXPECT_EQ(texts(check_tidiness("a.cc", "auto text = \"src\" + dstination(\"a \\\" dst\");\n")),
            std::vector<std::string>{});
  const std::vector<std::string> expected = {
      "f:0: no newline at the end",
      "f:0: no #pragma once",
      "f:1: a tab",
      "f:2: a space at the end of the line",
      "f:3: 101 columns, at most 100",
      "f:4: unfinished work",
      "f:5: src_offset: say source or target",
      "f:6: dstOffset: say source or target",
      "f:7: fromSrc: say source or target",
  };
  EXPECT_EQ(texts(check_tidiness("a.h", "\tint a;\nint b; \n" + long_line +
                                            "\n// TO"
                                            "DO: more\nint src_offset;\n"
                                            "int dstOffset;\nint fromSrc;")),
            expected);
  std::string many;
  for (int i = 0; i < 501; ++i) many += "\n";
  EXPECT_EQ(texts(check_tidiness("a.cc", many)),
            std::vector<std::string>{"f:0: 501 lines, at most 500"});
}

// The repository's own .h and .cc files, relative to it.
std::vector<fs::path> sources() {
  std::vector<fs::path> found;
  const fs::path root = KFERRY_SOURCE_DIR;
  for (const char* const folder :
       {"base", "auth", "wire", "kafkaio", "zkoffsets", "groupproto", "verify", "migrate",
        "replicate", "doctor", "cli", "tests", "testenv", "bench"}) {
    if (!fs::exists(root / folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder))
      if (entry.path().extension() == ".h" || entry.path().extension() == ".cc")
        found.push_back(fs::relative(entry.path(), root));
  }
  return found;
}

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(fs::path(KFERRY_SOURCE_DIR) / path, std::ios::binary).rdbuf();
  return text.str();
}

TEST(Layering, TheRepositoryKeepsTheRules) {
  const std::vector<fs::path> files = sources();
  EXPECT_GT(files.size(), 40U);
  for (const fs::path& path : files) {
    const std::string text = read(path);
    for (const Problem& problem : check_includes(path.string(), text))
      ADD_FAILURE() << to_string(path.string(), problem);
    for (const Problem& problem : check_tidiness(path.string(), text))
      ADD_FAILURE() << to_string(path.string(), problem);
  }
}

}  // namespace
}  // namespace kferry::test
