// Tables for people: columns aligned by what a terminal shows, not by bytes.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace kferry {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : header_(std::move(header)) {}

  // Columns of numbers, by index.
  void align_right(std::set<size_t> columns) { right_ = std::move(columns); }
  // As many cells as the header has. They are shown escaped (base/text.h).
  void add(std::vector<std::string> cells);
  size_t size() const { return rows_.size(); }
  // The header and the rows, two spaces between columns, no trailing spaces; empty when there are
  // no rows.
  std::string render() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
  std::set<size_t> right_;
};

}  // namespace kferry
