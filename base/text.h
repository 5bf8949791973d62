// Names that come from outside, made fit for a terminal and measured in columns.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kferry {

// Whether `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

// `text` on one line: control characters (ASCII, C1, and those that turn the writing direction) and
// broken UTF-8 become \xNN per byte, so that a name cannot forge a line or move the cursor.
std::string escape_control(std::string_view text);

// Code points of well-formed UTF-8: the columns of a terminal, but for wide and combining ones.
size_t code_points(std::string_view text);

// "950", "41.2k", "1.2M": three digits are what a person reads. Not negative.
std::string short_number(double number);

}  // namespace kferry
