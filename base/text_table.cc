#include "base/text_table.h"

#include <algorithm>

#include "base/text.h"

namespace kferry {

void TextTable::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = escape_control(cell);
  cells.resize(header_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::render() const {
  if (rows_.empty()) return {};
  std::vector<size_t> widths(header_.size(), 0);
  const auto measure = [&](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i)
      widths[i] = std::max(widths[i], code_points(cells[i]));
  };
  measure(header_);
  for (const auto& row : rows_) measure(row);
  std::string text;
  const auto put = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(widths[i] - code_points(cells[i]), ' ');
      if (i > 0) line += "  ";
      line += right_.contains(i) ? padding + cells[i] : cells[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  put(header_);
  for (const auto& row : rows_) put(row);
  return text;
}

}  // namespace kferry
