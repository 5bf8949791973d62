#include "tests/support/kafka_definitions.h"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/support/command.h"

namespace kferry::test {
namespace {

using nlohmann::json;
using wire::VersionRange;

bool is_empty(VersionRange range) {
  return range.last < range.first;
}

std::string default_text(const json& field, const std::string& type) {
  const bool number = type.starts_with("int");
  if (!field.contains("default")) return number ? "0" : type == "bool" ? "false" : "";
  const json& value = field["default"];
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  return number ? std::to_string(std::stoll(text, nullptr, 0)) : text;
}

std::string type_text(std::string type) {
  const size_t element = type.starts_with("[]") ? 2 : 0;
  if (std::isupper(static_cast<unsigned char>(type[element])) != 0)
    type.replace(element, std::string::npos, "struct");
  return type;
}

// `common` are the structs that fields name instead of having fields of their own.
FieldDescription parse_field(const json& field, const json& common) {
  FieldDescription parsed;
  parsed.name = field.at("name");
  parsed.type = type_text(field.at("type"));
  parsed.versions = parse_versions(field.at("versions"));
  parsed.nullable = parse_versions(field.value("nullableVersions", "none"));
  parsed.ignorable = field.value("ignorable", false);
  parsed.tag = field.value("tag", -1);
  parsed.default_value = default_text(field, parsed.type);
  // Ours are tagged in all their versions or in none.
  if (parsed.tag >= 0 && parse_versions(field.at("taggedVersions")) != parsed.versions)
    throw std::runtime_error(parsed.name + " is tagged in some of its versions only");
  json children = field.value("fields", json::array());
  for (const json& one : common)
    if (field.at("type") == one.at("name") || field.at("type") == "[]" + one.value("name", ""))
      children = one.at("fields");
  for (const json& child : children) parsed.children.push_back(parse_field(child, common));
  return parsed;
}

// The fields that at least one version of `within` has.
std::vector<const FieldDescription*> present(const std::vector<FieldDescription>& fields,
                                             VersionRange within) {
  std::vector<const FieldDescription*> found;
  for (const FieldDescription& field : fields)
    if (!is_empty(intersect(field.versions, within))) found.push_back(&field);
  return found;
}

std::string names(const std::vector<const FieldDescription*>& fields) {
  std::vector<std::string> found;
  for (const FieldDescription* const field : fields) found.push_back(field->name);
  return fmt::format("{}", fmt::join(found, ", "));
}

void compare_field(const std::string& path, const FieldDescription& ours,
                   const FieldDescription& kafkas, VersionRange within,
                   std::vector<Difference>& differences) {
  auto check = [&](const char* aspect, const std::string& one, const std::string& other) {
    if (one != other) differences.push_back({path, aspect, one, other});
  };
  const VersionRange our_versions = intersect(ours.versions, within);
  const VersionRange their_versions = intersect(kafkas.versions, within);
  check("type", ours.type, kafkas.type);
  check("versions", to_string(our_versions), to_string(their_versions));
  check("nullable", to_string(intersect(ours.nullable, our_versions)),
        to_string(intersect(kafkas.nullable, their_versions)));
  check("tag", std::to_string(ours.tag), std::to_string(kafkas.tag));
  // Where every version has the field, there is nothing to ignore and nothing to assume.
  if (our_versions != within || ours.tag >= 0) {
    check("ignorable", ours.ignorable ? "true" : "false", kafkas.ignorable ? "true" : "false");
    check("default", ours.default_value, kafkas.default_value);
    if (!ours.starts_as_default)
      differences.push_back({path, "initial value", "another", "the default"});
  }
  for (Difference& inner : compare_fields(path, ours.children, kafkas.children, our_versions))
    differences.push_back(std::move(inner));
}

}  // namespace

std::string jar_folder(const std::string& version) {
  const CommandResult result =
      run_command(shell_quote(KFERRY_SOURCE_DIR "/testenv/jars") + " " + shell_quote(version));
  if (result.exit_code != 0)
    throw std::runtime_error("testenv/jars " + version + " failed; see its message above");
  return result.output.substr(0, result.output.find('\n'));
}

VersionRange parse_versions(const std::string& text) {
  if (text == "none") return wire::kNoVersion;
  size_t used = 0;
  const auto first = static_cast<int16_t>(std::stoi(text, &used));
  if (used == text.size()) return {first, first};
  if (text.substr(used) == "+") return wire::since(first);
  return {first, static_cast<int16_t>(std::stoi(text.substr(used + 1)))};
}

VersionRange intersect(VersionRange a, VersionRange b) {
  const VersionRange both{std::max(a.first, b.first), std::min(a.last, b.last)};
  return is_empty(both) ? wire::kNoVersion : both;
}

std::string to_string(VersionRange range) {
  return is_empty(range) ? "none" : fmt::format("{}-{}", range.first, range.last);
}

KafkaDefinition parse_definition(const json& definition) {
  KafkaDefinition parsed;
  parsed.api_key = definition.at("apiKey");
  parsed.versions = parse_versions(definition.at("validVersions"));
  parsed.flexible = parse_versions(definition.at("flexibleVersions"));
  const json common = definition.value("commonStructs", json::array());
  for (const json& field : definition.at("fields"))
    parsed.fields.push_back(parse_field(field, common));
  return parsed;
}

std::map<std::string, KafkaDefinition> load_definitions(const std::string& kafka_version,
                                                        const std::vector<std::string>& names) {
  const std::string jar = jar_folder(kafka_version) + "/kafka-clients-" + kafka_version + ".jar";
  const std::string script =
      "import sys, zipfile\n"
      "jar = zipfile.ZipFile(sys.argv[1])\n"
      "for name in sys.argv[2:]:\n"
      "    print(jar.read(f'common/message/{name}.json').decode(), end='\\x1e')\n";
  std::string command = "python3 -c " + shell_quote(script) + " " + shell_quote(jar);
  for (const std::string& name : names) command += " " + shell_quote(name);
  const CommandResult result = run_command(command);
  if (result.exit_code != 0) throw std::runtime_error("cannot read the definitions in " + jar);
  std::map<std::string, KafkaDefinition> definitions;
  std::istringstream texts(result.output);
  for (const std::string& name : names) {
    std::string text;
    std::getline(texts, text, '\x1e');
    definitions[name] = parse_definition(json::parse(text, nullptr, true, true));
  }
  return definitions;
}

std::vector<Difference> compare_fields(const std::string& path,
                                       const std::vector<FieldDescription>& ours,
                                       const std::vector<FieldDescription>& kafkas,
                                       VersionRange shared) {
  std::vector<Difference> differences;
  const auto our_fields = present(ours, shared);
  const auto their_fields = present(kafkas, shared);
  if (names(our_fields) != names(their_fields))
    differences.push_back({path, "fields", names(our_fields), names(their_fields)});
  for (const FieldDescription* const our_field : our_fields)
    for (const FieldDescription* const their_field : their_fields)
      if (our_field->name == their_field->name)
        compare_field(path + "." + our_field->name, *our_field, *their_field, shared, differences);
  return differences;
}

}  // namespace kferry::test
