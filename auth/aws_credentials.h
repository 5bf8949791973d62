// Who we are at AWS.
#pragma once

#include "auth/aws_signature.h"
#include "base/client_security.h"
#include "base/interrupt.h"
#include "base/result.h"

namespace kferry::auth {

// Looks where `settings` say, or else where AWS's SDK for Java does (DefaultCredentialsProvider):
// 1. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN;
// 2. a role by AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN;
// 3. the profile of AWS_PROFILE, or "default", in the shared files: keys, a role with
//    source_profile or credential_source, a web identity, or credential_process;
// 4. the container's service: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI;
// 5. the instance's metadata (IMDSv2), unless AWS_EC2_METADATA_DISABLED is true.
// With a role in `settings`, that role is then taken on. `region`: whose token service is asked.
// kNotAuthorised: there are none, or they are refused, or a place that says it has some is
// wrong: it is not passed over for another one. kUnreachable; kInterrupted. Errors hold no secret.
// What was found is used for a minute at most. Thread-safe.
Result<AwsCredentials> find_aws_credentials(const MskIamSettings& settings,
                                            const std::string& region, const Wait& wait);

}  // namespace kferry::auth
