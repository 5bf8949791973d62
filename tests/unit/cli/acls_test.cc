// `kferry acls` and `kferry doctor` as far as their options go; neither asks a cluster here.
#include <gtest/gtest.h>

#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "tests/support/expectations.h"

namespace kferry::cli {
namespace {

using test::fails;
using test::has;
using test::ok;
using Arguments = std::vector<std::string>;

std::string acls(const Arguments& arguments) {
  Output output;
  const auto code = run_acls(arguments, StopToken(), output);
  EXPECT_TRUE(ok(code));
  EXPECT_EQ(code.value_or(-1), kDone);
  return output.out;
}

TEST(Acls, TakeTheirNamesFromTheOptions) {
  const std::string text =
      acls({"--job", "replicate", "--source", "old1:9092", "--target", "new1:9092", "--flow",
            "onprem->cloud", "--topics", "orders-.*, payments", "--groups", "billing", "--prefix",
            "old.", "--principal", "User:CN=kferry", "--needed-only", "--commands"});
  EXPECT_TRUE(has(text, "--bootstrap-server old1:9092"));
  EXPECT_TRUE(has(text, "--topic 'old.orders-' --resource-pattern-type prefixed"));
  EXPECT_TRUE(has(text, "--topic 'old.payments'"));
  EXPECT_TRUE(has(text, "'__kferry.onprem.cloud.state'"));
  EXPECT_TRUE(has(text, "--allow-principal 'User:CN=kferry'"));
  EXPECT_FALSE(has(text, "useful"));
  EXPECT_TRUE(has(acls({"--job", "scan"}), "source   topic     *"));
}

TEST(Acls, WrongOptionsAreNamed) {
  const StopToken never;
  Output output;
  EXPECT_TRUE(fails(run_acls({"--job", "dance"}, never, output), ErrorKind::kUsage,
                    "--job 'dance': no such job"));
  EXPECT_TRUE(fails(run_acls({"--principal", "kferry"}, never, output), ErrorKind::kUsage,
                    "takes TYPE:NAME"));
  EXPECT_TRUE(fails(run_doctor({}, never, output), ErrorKind::kUsage, "no cluster given"));
  EXPECT_TRUE(fails(run_doctor({"--source", "a:1", "--bootstrap-server", "b:1"}, never, output),
                    ErrorKind::kUsage, "only one of them"));
  EXPECT_TRUE(fails(run_doctor({"--source", "a:1", "--topics", ".*"}, never, output),
                    ErrorKind::kUsage, "no target cluster given"));
  EXPECT_TRUE(fails(run_doctor({"--bootstrap-server", "b:1"}, never, output), ErrorKind::kUsage,
                    "no ZooKeeper given"));
}

}  // namespace
}  // namespace kferry::cli
