// The settings that AWS's tools share: the environment and two files.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kferry::auth {

// An environment variable; empty when there is none.
std::string environment(const char* name);

using AwsProfile = std::map<std::string, std::string>;  // such as aws_access_key_id
using AwsProfiles = std::map<std::string, AwsProfile>;

enum class AwsFile { kConfig, kCredentials };

// "Shared config and credentials files" (AWS SDKs and Tools). A profile is [profile NAME] in the
// first kind of file and [NAME] in the second; [default] in both. What is no setting is passed
// over.
AwsProfiles parse_aws_profiles(std::string_view text, AwsFile kind);

// Of ~/.aws/config and ~/.aws/credentials, or of the files that AWS_CONFIG_FILE and
// AWS_SHARED_CREDENTIALS_FILE name. The second one's settings win. A file that is not there has no
// profiles. kUsage: one that is there cannot be read.
Result<AwsProfiles> read_aws_profiles();

// The name of the profile that counts when none is given: AWS_PROFILE, or else "default".
std::string chosen_aws_profile();

}  // namespace kferry::auth
