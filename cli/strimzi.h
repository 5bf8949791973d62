// A flow as a resource for Strimzi's operator. docs/export.md.
#pragma once

#include <string>
#include <string_view>

#include "replicate/mm2_export.h"

namespace kferry::cli {

// A KafkaMirrorMaker2 resource, API kafka.strimzi.io/v1beta2, as YAML with comments. Secrets are
// references to Kubernetes secrets named kferry-ALIAS-..., which the operator of the cluster makes.
std::string to_strimzi(const replicate::Mm2Export& exported, std::string_view tool_version);

}  // namespace kferry::cli
