// The access token by which Amazon MSK takes identities of AWS (SASL mechanism OAUTHBEARER, as in
// aws-msk-iam-sasl-signer): a signed request for kafka-cluster:Connect.
#pragma once

#include <string>

#include "auth/aws_signature.h"
#include "base/client_security.h"
#include "base/interrupt.h"
#include "base/result.h"

namespace kferry::auth {

// Of 900 s, as from `at_ms` (since the epoch).
std::string msk_iam_token(const AwsCredentials& credentials, const std::string& region,
                          int64_t at_ms);

// The region in a broker's name such as b-1.orders.abc.c2.kafka.eu-west-1.amazonaws.com; empty when
// there is none.
std::string region_of_host(const std::string& host);

// A token for `host`. Its region is that of the settings, or of the host's name, or of AWS_REGION,
// AWS_DEFAULT_REGION, or the profile. As find_aws_credentials(); kNotAuthorised: no region, too.
Result<std::string> fetch_msk_iam_token(const MskIamSettings& settings, const std::string& host,
                                        const Wait& wait);

}  // namespace kferry::auth
