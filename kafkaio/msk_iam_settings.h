// The identity at AWS, among the client properties.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/client_security.h"
#include "base/result.h"
#include "kafkaio/jaas.h"

namespace kferry::kafkaio {

// Takes the keys about callbacks out of `properties`, and says whether they, or the name of the
// mechanism, are those of aws-msk-iam-auth: AWS_MSK_IAM with IAMClientCallbackHandler, or
// OAUTHBEARER with IAMOAuthBearerLoginCallbackHandler. Other classes stay in `properties`.
bool take_msk_iam_classes(std::map<std::string, std::string>& properties,
                          std::string_view mechanism);

// From the options of IAMLoginModule, or of OAuthBearerLoginModule, in `login`, and from
// kferry.aws.region. kUsage with `origin`, without a secret.
Result<MskIamSettings> take_msk_iam(std::map<std::string, std::string>& properties,
                                    const Login& login, const std::string& origin);

}  // namespace kferry::kafkaio
