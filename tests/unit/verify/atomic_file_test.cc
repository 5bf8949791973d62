#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "golden.h"
#include "verify/report_json.h"

namespace kferry::verify {
namespace {

namespace fs = std::filesystem;
using kferry::testing::read_file;

class AtomicFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string form = (fs::temp_directory_path() / "kferry-atomic-XXXXXX").string();
    ASSERT_NE(::mkdtemp(form.data()), nullptr);
    folder_ = form;
  }
  void TearDown() override {
    fs::permissions(folder_, fs::perms::owner_all);
    fs::remove_all(folder_);
  }
  std::string path(const std::string& name) const { return folder_ / name; }
  // Nothing but these files: no temporary file is left behind.
  void expect_only(const std::set<std::string>& names) const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_)) found.insert(entry.path().filename());
    EXPECT_EQ(found, names);
  }

  fs::path folder_;
};

void expect_failure(const Result<>& result, const std::string& path, const std::string& reason) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kFailed);
  EXPECT_NE(result.error().message.find(path), std::string::npos) << result.error().message;
  EXPECT_NE(result.error().message.find(reason), std::string::npos) << result.error().message;
  EXPECT_FALSE(result.error().hint.empty());
}

TEST_F(AtomicFile, WritesAndReplaces) {
  ASSERT_TRUE(write_file_atomically(path("r"), "one"));
  EXPECT_EQ(read_file(path("r")), "one");
  const std::string large(5'000'000, 'x');
  ASSERT_TRUE(write_file_atomically(path("r"), large));
  EXPECT_EQ(read_file(path("r")), large);
  ASSERT_TRUE(write_file_atomically(path("r"), ""));
  EXPECT_EQ(read_file(path("r")), "");
  expect_only({"r"});
}

TEST_F(AtomicFile, ModeFollowsTheUmask) {
  for (const mode_t mask : {0022U, 0077U, 0000U}) {
    const mode_t before = ::umask(mask);
    const auto written = write_file_atomically(path("r"), "x");
    ::umask(before);
    ASSERT_TRUE(written);
    struct stat status {};
    ASSERT_EQ(::stat(path("r").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0644U & ~mask);
  }
}

TEST_F(AtomicFile, FollowsASymbolicLink) {
  ASSERT_TRUE(write_file_atomically(path("real"), "old"));
  fs::create_symlink("real", path("link"));
  ASSERT_TRUE(write_file_atomically(path("link"), "new"));
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read_file(path("real")), "new");
  expect_only({"real", "link"});
}

TEST_F(AtomicFile, WhatAKilledProcessLeftIsNotInTheWay) {
  std::ofstream(path("r") + "." + std::to_string(::getpid()) + ".0.tmp") << "half";
  ASSERT_TRUE(write_file_atomically(path("r"), "whole"));
  EXPECT_EQ(read_file(path("r")), "whole");
}

TEST_F(AtomicFile, RelativePath) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  const auto written = write_file_atomically("r", "x");
  fs::current_path(before);
  EXPECT_TRUE(written);
  expect_only({"r"});
}

TEST_F(AtomicFile, NoSuchFolder) {
  expect_failure(write_file_atomically(path("no/r"), "x"), path("no/r"),
                 "No such file or directory");
}

TEST_F(AtomicFile, AFileWhereAFolderShouldBe) {
  std::ofstream(path("file")) << "x";
  expect_failure(write_file_atomically(path("file/r"), "x"), path("file/r"), "Not a directory");
}

TEST_F(AtomicFile, AFolder) {
  expect_failure(write_file_atomically(folder_, "x"), folder_, "Is a directory");
}

// Permissions do not hold root back: the test becomes nobody for a moment.
TEST_F(AtomicFile, ReadOnlyFolder) {
  constexpr uid_t kNobody = 65534;
  const bool is_root = ::geteuid() == 0;
  ASSERT_TRUE(write_file_atomically(path("r"), "old"));
  fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec);
  if (is_root) {
    ASSERT_EQ(::chown(folder_.c_str(), kNobody, static_cast<gid_t>(-1)), 0);
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  const auto written = write_file_atomically(path("r"), "new");
  EXPECT_EQ(is_root ? ::seteuid(0) : 0, 0);
  expect_failure(written, path("r"), "Permission denied");
  EXPECT_EQ(read_file(path("r")), "old");
  expect_only({"r"});
}

TEST_F(AtomicFile, FullDevice) {
  expect_failure(write_file_atomically("/dev/full", "x"), "/dev/full", "No space left on device");
  EXPECT_TRUE(fs::is_character_file("/dev/full"));  // not replaced by a file of ours
}

TEST_F(AtomicFile, ADeviceIsWrittenToAsItIs) {
  ASSERT_TRUE(write_file_atomically("/dev/null", "x"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(AtomicFile, ADiskThatFillsUpLeavesTheOldFile) {
  ASSERT_TRUE(write_file_atomically(path("r"), "old"));
  auto* const before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const rlimit limit{4096, old_limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto written = write_file_atomically(path("r"), std::string(100'000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, before);
  expect_failure(written, path("r"), "File too large");
  EXPECT_EQ(read_file(path("r")), "old");
  expect_only({"r"});
}

}  // namespace
}  // namespace kferry::verify
