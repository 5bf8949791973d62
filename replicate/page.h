// The status page, as it stands in replicate/page/: put into the binary by CMake.
#pragma once

#include <string_view>

namespace kferry::replicate {

extern const std::string_view kPageHtml;
extern const std::string_view kPageStyle;  // goes behind verify::kHtmlStyle
extern const std::string_view kPageScript;

}  // namespace kferry::replicate
