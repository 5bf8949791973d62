// Credentials of AWS from services of the machine or the container that we run in, and from
// commands.
#pragma once

#include <optional>
#include <string>

#include "auth/aws_signature.h"
#include "base/interrupt.h"
#include "base/result.h"

namespace kferry::auth {

// Of ECS and EKS ("Container credential provider"): AWS_CONTAINER_CREDENTIALS_RELATIVE_URI at
// 169.254.170.2, or AWS_CONTAINER_CREDENTIALS_FULL_URI, which must be https or an address of this
// machine; with AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN.
// Nothing when neither address is given. kNotAuthorised, kUnreachable, kInterrupted.
Result<std::optional<AwsCredentials>> container_credentials(const Wait& wait);

// Of an EC2 instance, by version 2 of its metadata service, at 169.254.169.254 or
// AWS_EC2_METADATA_SERVICE_ENDPOINT. Nothing when AWS_EC2_METADATA_DISABLED is true, or there is no
// such service within 2 s, or the instance has no role. kNotAuthorised, kInterrupted.
Result<std::optional<AwsCredentials>> instance_credentials(const Wait& wait);

// What `credential_process` of a profile prints ("Process credential provider").
Result<AwsCredentials> process_credentials(const std::string& command, const Wait& wait);

}  // namespace kferry::auth
