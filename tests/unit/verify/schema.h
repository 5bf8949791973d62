// Validates JSON documents against docs/schemas.
#pragma once

#include <fstream>
#include <string>

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace kferry::testing {

// Empty when `document` is valid; what is wrong otherwise.
inline std::string schema_trouble(const std::string& schema_name, const nlohmann::json& document) {
  std::ifstream file(std::string(KFERRY_SOURCE_DIR) + "/docs/schemas/" + schema_name);
  const nlohmann::json schema_json = nlohmann::json::parse(file);
  valijson::Schema schema;
  valijson::SchemaParser(valijson::SchemaParser::kDraft7)
      .populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_json), schema);
  valijson::ValidationResults results;
  valijson::Validator validator(valijson::Validator::kStrongTypes);
  if (validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(document), &results))
    return {};
  std::string trouble = "invalid";
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    trouble += "\n  ";
    for (const std::string& step : error.context) trouble += step;
    trouble += ": " + error.description;
  }
  return trouble;
}

}  // namespace kferry::testing
