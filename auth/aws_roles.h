// Roles of AWS, taken on by way of its Security Token Service (API version 2011-06-15).
#pragma once

#include <string>

#include "auth/aws_signature.h"
#include "base/interrupt.h"
#include "base/result.h"

namespace kferry::auth {

struct AwsRole {
  std::string arn;
  std::string session_name;      // what AWS's logs call us; empty: "kferry"
  std::string external_id = {};  // empty: none is demanded
  std::string region;            // whose service is asked
};

// Both ask https://sts.REGION.amazonaws.com, or what AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL says.
// kNotAuthorised: AWS refuses, with its error code; kUnreachable; kInterrupted. No error holds a
// secret.

// AssumeRole, as whom `credentials` are of.
Result<AwsCredentials> take_role(const AwsRole& role, const AwsCredentials& credentials,
                                 const Wait& wait);

// AssumeRoleWithWebIdentity: with a token that another identity provider has written to a file, as
// Kubernetes does it for service accounts (IRSA).
Result<AwsCredentials> take_role_by_web_identity(const AwsRole& role, const std::string& token_file,
                                                 const Wait& wait);

}  // namespace kferry::auth
