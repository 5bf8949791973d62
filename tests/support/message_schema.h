// What a message's `fields` says about its fields, as values that can be compared with Kafka's own
// definitions.
#pragma once

#include <string>
#include <vector>

#include "wire/field.h"

namespace kferry::test {

struct FieldDescription {
  std::string name;
  std::string type;  // as Kafka names it; "struct" for any struct: "int32", "[]string", "[]struct"
  wire::VersionRange versions;
  wire::VersionRange nullable;
  bool ignorable = false;
  int tag = -1;
  std::string default_value;      // "-1", "true", "null"; "" is the empty value
  bool starts_as_default = true;  // false: the member's initial value is not its default
  std::vector<FieldDescription> children;
};

// The visitor. Used by describe() only.
class SchemaDescriber {
 public:
  template <class T>
  void operator()(const char* name, const T& value, wire::Field field = {}) {
    FieldDescription description;
    description.name = name;
    description.type = type_name<T>(description.children);
    description.versions = field.versions;
    description.nullable = field.nullable;
    description.ignorable = field.ignorable;
    description.tag = field.tag;
    description.default_value = default_value<T>(field);
    description.starts_as_default = wire::is_default(value, field);
    fields_.push_back(std::move(description));
  }

  std::vector<FieldDescription> take() { return std::move(fields_); }

 private:
  template <class T>
  static std::string type_name(std::vector<FieldDescription>& children) {
    using Value = wire::WireType<T>;
    if constexpr (wire::IsOptional<T>::value) {
      return type_name<typename T::value_type>(children);
    } else if constexpr (wire::IsVector<T>::value) {
      return "[]" + type_name<typename T::value_type>(children);
    } else if constexpr (std::is_same_v<Value, bool>) {
      return "bool";
    } else if constexpr (std::is_integral_v<Value>) {
      return "int" + std::to_string(8 * sizeof(Value));
    } else if constexpr (std::is_same_v<Value, std::string>) {
      return "string";
    } else if constexpr (std::is_same_v<Value, wire::Bytes>) {
      return "bytes";
    } else if constexpr (std::is_same_v<Value, wire::Records>) {
      return "records";
    } else if constexpr (std::is_same_v<Value, wire::Uuid>) {
      return "uuid";
    } else {
      SchemaDescriber inner;
      T{}.fields(inner);
      children = inner.take();
      return "struct";
    }
  }

  template <class T>
  static std::string default_value(const wire::Field& field) {
    using Value = wire::WireType<T>;
    if constexpr (wire::IsOptional<T>::value) return "null";
    if constexpr (std::is_same_v<Value, bool>) return field.default_value != 0 ? "true" : "false";
    if constexpr (wire::kIsNumber<Value>) return std::to_string(field.default_value);
    return "";
  }

  std::vector<FieldDescription> fields_;
};

template <class Message>
std::vector<FieldDescription> describe() {
  SchemaDescriber describer;
  Message{}.fields(describer);
  return describer.take();
}

}  // namespace kferry::test
