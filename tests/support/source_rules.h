// The rules that the sources keep, as functions from (path, text) to problems: which folder may
// include which, which third-party headers each may use (DESIGN.md, "Layers and folders"), and
// tidiness.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kferry::test {

struct Problem {
  int line = 0;  // from 1; 0: of the file as a whole
  std::string what;
};

// "path:line: what".
std::string to_string(std::string_view path, const Problem& problem);

// `path` is relative to the repository, e.g. "wire/field.h". Only files in the folders of a layer
// have include rules; `.h` and `.cc` files everywhere have the tidiness rules.
std::vector<Problem> check_includes(std::string_view path, std::string_view text);
std::vector<Problem> check_tidiness(std::string_view path, std::string_view text);

}  // namespace kferry::test
