// Self-contained HTML documents for change tickets: no script, nothing from elsewhere.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kferry::verify {

// verify/html_style.css, put into the binary by CMake; the status page has it too.
extern const std::string_view kHtmlStyle;

// Text from outside as HTML text or attribute. Control characters, those that turn the writing
// direction and broken UTF-8 are shown as \xNN.
std::string escape_html(std::string_view text);

// How a text looks: as the style sheet's classes of the same names have it.
enum class Tone { kPlain, kGood, kBad, kWarn, kQuiet };

// Every text is escaped. Not thread-safe.
class HtmlPage {
 public:
  struct Cell {
    std::string text;
    Tone tone = Tone::kPlain;
  };
  struct Column {
    std::string name;
    bool number = false;
  };
  using Row = std::vector<Cell>;  // as many as there are columns

  // `verdict` stands beside the title.
  HtmlPage(std::string_view title, const Cell& verdict);

  void section(std::string_view heading);  // what follows belongs to it
  void paragraph(const Cell& text);
  void facts(const std::vector<std::pair<std::string, std::string>>& facts);
  void list(const std::vector<std::string>& items, Tone tone);
  void table(const std::vector<Column>& columns, const std::vector<Row>& rows);

  // The whole document; `generated_at` (RFC 3339) is said at its end.
  std::string finish(std::string_view generated_at);

 private:
  void close_section();

  std::string text_;
  bool in_section_ = false;
};

}  // namespace kferry::verify
