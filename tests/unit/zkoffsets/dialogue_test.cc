#include "zkoffsets/dialogue.h"

#include <gtest/gtest.h>

#include "zkoffsets/jute.h"

namespace kferry::zkoffsets {
namespace {

using namespace std::string_literals;

// ZooDefs.OpCode
constexpr int32_t kExists = 3;
constexpr int32_t kGetData = 4;
constexpr int32_t kGetAcl = 6;
constexpr int32_t kGetChildren = 8;
constexpr int32_t kSync = 9;

const std::string kStat(68, '\0');

JuteWriter greeting() {
  JuteWriter out;
  out.number(0).number(30'000).number(int64_t{7}).text(std::string(16, 'p'));
  return out;
}

std::string request(int32_t number, int32_t operation) {
  return JuteWriter().number(number).number(operation).text("/a").bytes();
}

std::string reply(int32_t number, const std::string& body = {}, int32_t error = 0) {
  return JuteWriter().number(number).number(int64_t{9}).number(error).append(body).bytes();
}

std::string children(int32_t count, const std::vector<std::string>& names) {
  JuteWriter out;
  out.number(count);
  for (const std::string& name : names) out.text(name);
  return out.bytes();
}

Dialogue begun() {
  Dialogue dialogue;
  dialogue.ask("connect");
  EXPECT_EQ(dialogue.check_answer(greeting().bytes()), "");
  return dialogue;
}

// The verdict on the answer to one request.
std::string_view verdict(int32_t operation, const std::string& body, int32_t error = 0) {
  Dialogue dialogue = begun();
  dialogue.ask(request(1, operation));
  return dialogue.check_answer(reply(1, body, error));
}

TEST(Dialogue, WhatAServerSaysPasses) {
  const std::string acl = JuteWriter().number(1).number(31).text("world").text("anyone").bytes();
  EXPECT_EQ(verdict(kExists, kStat), "");
  EXPECT_EQ(verdict(kGetData, JuteWriter().text("17").bytes() + kStat), "");
  EXPECT_EQ(verdict(kGetData, JuteWriter().number(-1).bytes() + kStat), "") << "no data";
  EXPECT_EQ(verdict(kGetAcl, acl + kStat), "");
  EXPECT_EQ(verdict(kGetChildren, children(2, {"a", "b"})), "");
  EXPECT_EQ(verdict(kGetChildren, children(0, {})), "");
  EXPECT_EQ(verdict(kSync, JuteWriter().text("/").bytes()), "");
  EXPECT_EQ(verdict(kGetData, "", -101), "") << "no body goes with an error";
}

TEST(Dialogue, ServersBefore34DoNotSayWhetherTheyAreReadOnly) {
  Dialogue dialogue;
  dialogue.ask("connect");
  EXPECT_EQ(dialogue.check_answer(greeting().boolean(true).bytes()), "");
}

TEST(Dialogue, AnswersComeInTheOrderOfTheRequests) {
  Dialogue dialogue = begun();
  dialogue.ask(request(1, kSync));
  dialogue.ask(request(-2, 11));  // a ping
  dialogue.ask(request(2, kGetChildren));
  EXPECT_EQ(dialogue.check_answer(reply(-2)), "");
  EXPECT_EQ(dialogue.check_answer(reply(1, JuteWriter().text("/").bytes())), "");
  EXPECT_EQ(dialogue.check_answer(reply(2, children(1, {"a"}))), "");
  EXPECT_NE(dialogue.check_answer(reply(3)), "") << "all are answered";
  Dialogue another = begun();
  another.ask(request(1, kSync));
  another.ask(request(2, kSync));
  EXPECT_NE(another.check_answer(reply(2)), "") << "not its turn";
}

TEST(Dialogue, WhatTheClientWouldTrustIsStopped) {
  EXPECT_NE(verdict(kGetChildren, ""), "");
  EXPECT_NE(verdict(kGetChildren, children(-1, {})), "");
  EXPECT_NE(verdict(kGetChildren, children(3, {"a", "b"})), "");
  EXPECT_NE(verdict(kGetChildren, children(1 << 27, {"a"})), "");
  EXPECT_NE(verdict(kGetChildren, children(1, {}) + "\xff\xff\xff\xff"), "") << "a null name";
  EXPECT_NE(verdict(kGetData, JuteWriter().number(-2).bytes() + kStat), "");
  EXPECT_NE(verdict(kGetData, JuteWriter().text("17").bytes()), "") << "no stat";
  EXPECT_NE(verdict(kExists, kStat.substr(1)), "");
  EXPECT_NE(verdict(kSync, ""), "");
  EXPECT_NE(begun().check_answer(reply(-1, "\0\0\0\3"s)), "") << "nothing is watched";
  EXPECT_NE(begun().check_answer("short"), "");
  Dialogue dialogue;
  EXPECT_NE(dialogue.check_answer(greeting().bytes()), "") << "before the first request";
  dialogue.ask("connect");
  EXPECT_NE(dialogue.check_answer(greeting().append("xx").bytes()), "");
}

}  // namespace
}  // namespace kferry::zkoffsets
