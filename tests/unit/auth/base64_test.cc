#include "auth/base64.h"

#include <gtest/gtest.h>

namespace kferry::auth {
namespace {

// RFC 4648, section 10.
TEST(Base64, AsInTheRfc) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xfb\xff"), "+/8=");
}

TEST(Base64, ForUrls) {
  EXPECT_EQ(base64url("\xfb\xff"), "-_8");
  EXPECT_EQ(decode_base64url("-_8"), "\xfb\xff");
  EXPECT_EQ(decode_base64url(base64url("fooba")), "fooba");
  EXPECT_EQ(decode_base64url("+/8"), "");
}

}  // namespace
}  // namespace kferry::auth
