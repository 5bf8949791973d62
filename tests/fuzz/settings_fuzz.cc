// What people write: kferry.yaml, Java properties and JAAS, MirrorMaker 2's properties, lists of
// regular expressions. The first byte chooses. Nothing may be opened or run that an input names.
#include <array>
#include <cctype>
#include <string>

#include "auth/aws_profiles.h"
#include "auth/msk_iam.h"
#include "cli/config.h"
#include "kafkaio/config.h"
#include "kafkaio/jaas.h"
#include "kafkaio/security.h"
#include "replicate/mm2_properties.h"
#include "replicate/patterns.h"
#include "tests/fuzz/fuzz.h"

namespace kferry::fuzz {
namespace {

using Properties = std::map<std::string, std::string>;

void yaml(const std::string& text) {
  const auto config = cli::parse_config(text, "kferry.yaml");
  if (!config) return;
  (void)cli::resolve(*config, {GroupId("billing"), GroupId("web-1"), GroupId("\xff")});
  for (const auto& [name, changes] : config->flows) {
    auto flow = cli::default_flow();
    for (const auto& [setting, value] : changes)
      expect(cli::apply(setting, value, flow).has_value(), "checked, and refused afterwards");
  }
}

// Without what names files, and ${command:...}, which would be run.
Properties harmless(Properties properties) {
  std::erase_if(properties, [](const auto& one) {
    return one.first.find("location") != std::string::npos ||
           one.second.find("${") != std::string::npos;
  });
  return properties;
}

// As java.util.Properties.store would write it, with more backslashes than it needs.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n' || c == '\r')
      out += c == '\n' ? "\\n" : "\\r";
    else if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      out += c;
    else
      out += std::string("\\") + c;
  }
  return out;
}

void properties(const std::string& text) {
  const auto read = kafkaio::parse_properties(text);
  if (!read) return;
  std::string again;
  for (const auto& [key, value] : *read) again += escaped(key) + "=" + escaped(value) + "\n";
  const auto second = kafkaio::parse_properties(again);
  expect(second && *second == *read, "properties that are not read back");
}

void security(const std::string& text) {
  const auto read = kafkaio::parse_properties(text);
  if (!read) return;
  Properties all = harmless(*read);
  (void)kafkaio::has_plain_secret(all);
  if (kafkaio::take_security(all, "client.properties"))
    (void)kafkaio::to_librdkafka({.bootstrap_servers = "a:1", .properties = all});
}

void jaas(const std::string& text) {
  (void)kafkaio::parse_jaas(text);
}

void mm2(const std::string& text) {
  const auto read = kafkaio::parse_properties(text);
  if (!read) return;
  const auto flow = replicate::read_mm2_flow({harmless(*read), "mm2.properties", "", {}});
  if (flow) (void)flow->settings.topics.selects("orders");
}

// A name quoted is matched, and nothing else is.
void patterns(const std::string& text) {
  const auto parsed = replicate::parse_patterns(std::string_view(text));
  if (parsed)
    for (const std::regex& pattern : *parsed) (void)std::regex_match("orders.eu-1", pattern);
  if (text.empty() || text.size() > 249) return;
  const auto quoted = replicate::parse_pattern(replicate::quoted_pattern(text));
  expect(quoted && std::regex_match(text, *quoted) && !std::regex_match(text + "x", *quoted),
         "a quoted name does not match itself, or more than itself");
}

void aws(const std::string& text) {
  for (const auth::AwsFile kind : {auth::AwsFile::kConfig, auth::AwsFile::kCredentials})
    for (const auto& [name, profile] : auth::parse_aws_profiles(text, kind))
      expect(!name.empty() && name.find('\n') == name.npos && profile.size() <= text.size(),
             "a profile of no name, or more settings than came");
  expect(auth::region_of_host(text).size() <= 32, "a region that is none");
}

constexpr std::array kTargets{yaml, properties, security, jaas, mm2, patterns, aws};

}  // namespace
}  // namespace kferry::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kferry;
  const fuzz::Input input(data, size);
  fuzz::kTargets[input.choice % fuzz::kTargets.size()](input.rest);
  return 0;
}
