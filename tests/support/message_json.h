// A message as the JSON that Kafka's generated XxxDataJsonConverter.read(JsonNode, short) reads.
#pragma once

#include <bit>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "wire/field.h"
#include "wire/messages/client_quotas.h"

namespace kferry::test {

// RFC 4648 section 4, with padding.
std::string base64(std::string_view bytes);
// As Kafka's Uuid.toString writes it: RFC 4648 section 5, without padding.
std::string uuid_text(const wire::Uuid& uuid);

// The visitor. Writes the fields that the version has.
class MessageJsonWriter {
 public:
  explicit MessageJsonWriter(int16_t version) : version_(version) {}

  template <class T>
  void operator()(const char* name, T& value, wire::Field field = {}) {
    if (!field.versions.contains(version_)) return;
    std::string key = name;
    key[0] = static_cast<char>(key[0] - 'A' + 'a');
    json_[key] = to_json(value);
  }

  nlohmann::json take() { return std::move(json_); }

 private:
  template <class T>
  nlohmann::json to_json(T& value) {
    if constexpr (wire::IsOptional<T>::value) {
      return value ? to_json(*value) : nlohmann::json(nullptr);
    } else if constexpr (std::is_same_v<T, wire::Float64Bits>) {
      return std::bit_cast<double>(value.value());
    } else if constexpr (wire::IsNamed<T>::value) {
      return value.value();
    } else if constexpr (std::is_integral_v<T> || std::is_same_v<T, std::string>) {
      return value;
    } else if constexpr (std::is_same_v<T, wire::Bytes> || std::is_same_v<T, wire::Records>) {
      return base64(value.data);
    } else if constexpr (std::is_same_v<T, wire::Uuid>) {
      return uuid_text(value);
    } else if constexpr (wire::IsVector<T>::value) {
      nlohmann::json array = nlohmann::json::array();
      for (auto& element : value) array.push_back(to_json(element));
      return array;
    } else {
      MessageJsonWriter inner(version_);
      value.fields(inner);
      return inner.take();
    }
  }

  int16_t version_;
  nlohmann::json json_ = nlohmann::json::object();
};

template <class Message>
nlohmann::json message_json(Message message, int16_t version) {
  MessageJsonWriter writer(version);
  message.fields(writer);
  return writer.take();
}

}  // namespace kferry::test
