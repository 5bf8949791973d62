#include "auth/aws_profiles.h"

#include <gtest/gtest.h>

namespace kferry::auth {
namespace {

TEST(AwsProfiles, OfTheFileWithKeys) {
  const AwsProfiles found = parse_aws_profiles(
      "lost = 1\n[default]\naws_access_key_id=AKIA1\r\n  # a remark\n"
      "aws_secret_access_key = se=cret \n\n[ movers ]\naws_access_key_id = AKIA2\n"
      "s3 =\n  endpoint_url = http://nested\nno setting\n[broken\n",
      AwsFile::kCredentials);
  EXPECT_EQ(found.at("default"),
            (AwsProfile{{"aws_access_key_id", "AKIA1"}, {"aws_secret_access_key", "se=cret"}}));
  EXPECT_EQ(found.at("movers"), (AwsProfile{{"aws_access_key_id", "AKIA2"}, {"s3", ""}}));
}

TEST(AwsProfiles, OfTheFileWithSettings) {
  const AwsProfiles found = parse_aws_profiles(
      "[default]\nregion = eu-west-1\n[profile movers]\nrole_arn = arn:aws:iam::1:role/m\n"
      "[sso-session corp]\nsso_region = us-east-1\n[movers]\nregion = none\n",
      AwsFile::kConfig);
  EXPECT_EQ(found, (AwsProfiles{{"default", {{"region", "eu-west-1"}}},
                                {"movers", {{"role_arn", "arn:aws:iam::1:role/m"}}}}));
}

}  // namespace
}  // namespace kferry::auth
