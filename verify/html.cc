#include "verify/html.h"

#include <fmt/format.h>

#include "base/text.h"

namespace kferry::verify {
namespace {

std::string_view class_of(Tone tone) {
  switch (tone) {
    case Tone::kPlain:
      return "";
    case Tone::kGood:
      return "good";
    case Tone::kBad:
      return "bad";
    case Tone::kWarn:
      return "warn";
    case Tone::kQuiet:
      return "quiet";
  }
  return "";
}

}  // namespace

std::string escape_html(std::string_view text) {
  const std::string plain = escape_control(text);
  std::string escaped;
  escaped.reserve(plain.size());
  for (const char c : plain) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

HtmlPage::HtmlPage(std::string_view title, const Cell& verdict) {
  text_ = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>\n{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n"
      "<p><span class=\"badge {2}\">{3}</span></p>\n",
      escape_html(title), kHtmlStyle, class_of(verdict.tone), escape_html(verdict.text));
}

void HtmlPage::close_section() {
  if (in_section_) text_ += "</section>\n";
  in_section_ = false;
}

void HtmlPage::section(std::string_view heading) {
  close_section();
  text_ += fmt::format("<section>\n<h2>{}</h2>\n", escape_html(heading));
  in_section_ = true;
}

void HtmlPage::paragraph(const Cell& text) {
  text_ += fmt::format("<p class=\"{}\">{}</p>\n", class_of(text.tone), escape_html(text.text));
}

void HtmlPage::facts(const std::vector<std::pair<std::string, std::string>>& facts) {
  text_ += "<dl class=\"facts\">\n";
  for (const auto& [name, value] : facts)
    text_ += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape_html(name), escape_html(value));
  text_ += "</dl>\n";
}

void HtmlPage::list(const std::vector<std::string>& items, Tone tone) {
  text_ += fmt::format("<ul class=\"{}\">\n", class_of(tone));
  for (const std::string& item : items) text_ += fmt::format("<li>{}</li>\n", escape_html(item));
  text_ += "</ul>\n";
}

void HtmlPage::table(const std::vector<Column>& columns, const std::vector<Row>& rows) {
  const auto number = [](const Column& column) { return column.number ? "number " : ""; };
  text_ += "<table>\n<thead><tr>";
  for (const Column& column : columns)
    text_ += fmt::format("<th scope=\"col\" class=\"{}\">{}</th>", number(column),
                         escape_html(column.name));
  text_ += "</tr></thead>\n<tbody>\n";
  for (const Row& row : rows) {
    text_ += "<tr>";
    for (size_t i = 0; i < columns.size(); ++i)
      text_ +=
          fmt::format("<td data-label=\"{}\" class=\"{}{}\">{}</td>", escape_html(columns[i].name),
                      number(columns[i]), class_of(row.at(i).tone), escape_html(row.at(i).text));
    text_ += "</tr>\n";
  }
  text_ += "</tbody>\n</table>\n";
}

std::string HtmlPage::finish(std::string_view generated_at) {
  close_section();
  text_ += fmt::format("<p class=\"quiet\">kferry {}, {}</p>\n</body>\n</html>\n", KFERRY_VERSION,
                       escape_html(generated_at));
  return std::move(text_);
}

}  // namespace kferry::verify
