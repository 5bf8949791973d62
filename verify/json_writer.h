// Writes large JSON documents in pieces. A report on 100,000 partitions as nlohmann's tree takes
// more memory than all the rest of kferry; escaping of texts is still nlohmann's.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kferry::verify {

// Keys come out in the order of the calls; two spaces of indentation. The caller balances begin and
// end. Texts that are not UTF-8 get U+FFFD in place of the broken bytes.
class JsonWriter {
 public:
  using Sink = std::function<void(std::string_view)>;
  explicit JsonWriter(Sink sink) : sink_(std::move(sink)) {}

  void begin_object() { begin('{', false); }
  // An object on one line, down to its innermost values: one line per partition can be searched and
  // compared line by line, and is a third of the size.
  void begin_line() { begin('{', true); }
  void begin_array() { begin('[', false); }
  void end();

  JsonWriter& key(std::string_view name);
  void value(std::string_view text);
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(const char* text) { value(std::string_view(text)); }
  template <std::same_as<bool> T>
  void value(T truth) {
    literal(truth ? "true" : "false");
  }
  template <std::integral T>
  requires(!std::same_as<T, bool>) void value(T number) { literal(std::to_string(number)); }
  template <class T>
  void value(const std::optional<T>& maybe) {
    if (maybe) {
      value(*maybe);
    } else {
      literal("null");
    }
  }
  template <class T>
  void field(std::string_view name, const T& content) {
    key(name);
    value(content);
  }

  // Ends the document with a newline and hands the rest to the sink.
  void finish();

 private:
  struct Level {
    char close;
    bool one_line;
    bool empty = true;
  };

  void begin(char open, bool one_line);
  void literal(std::string_view text);
  void quote(std::string_view text);
  void separate();
  void new_line(size_t depth);

  Sink sink_;
  std::string buffer_;
  std::vector<Level> levels_;
  bool after_key_ = false;
};

}  // namespace kferry::verify
