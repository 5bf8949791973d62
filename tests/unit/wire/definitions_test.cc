// Our messages are described as Kafka's own definitions describe them. 3.9 is the last Kafka with
// the old versions, 4.2 has the newest; each is compared in the versions that it shares with us.
#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/all_messages.h"
#include "tests/support/kafka_definitions.h"

namespace kferry::test {
namespace {

struct Deviation {
  std::string_view path;
  std::string_view aspect;
  std::string_view reason;
};

// Where we differ on purpose.
constexpr Deviation kDeviations[] = {
    {"OffsetCommitRequest.RetentionTimeMs", "ignorable",
     "a guard against expiry must not vanish silently"},
    {"FindCoordinatorResponse.ErrorMessage", "default", "no message is null, also in version 0"},
    {"FetchResponse.Responses.Partitions.AbortedTransactions", "default", "unset is null"},
    {"DescribeClientQuotasResponse.Entries.Values.Value", "type", "the bits of a float64"},
    {"OffsetFetchRequest.Topics", "default", "unset is null; an empty list is a set one"},
};

// Where our highest version is not 3.9's.
struct NamedVersion {
  std::string_view request;
  int16_t highest;
  std::string_view reason;
};
constexpr NamedVersion kOtherThan39[] = {
    {"DescribeQuorumRequest", 1, "2 adds the controllers' listeners"},
    {"DescribeGroupsRequest", 6, "4.0 added GROUP_ID_NOT_FOUND with an error message (KIP-1043)"},
};

// 4.2's highest versions that we do not speak.
constexpr NamedVersion kLeftOutOf42[] = {
    {"DescribeQuorumRequest", 2, "the controllers' listeners"},
    {"ConsumerGroupDescribeRequest", 1, "tells the members of the classic protocol apart"},
    {"MetadataRequest", 13, "adds a top-level error code only"},
    {"OffsetCommitRequest", 10, "topic ids instead of names"},
    {"OffsetFetchRequest", 10, "topic ids instead of names"},
    {"ListOffsetsRequest", 11, "timestamps of tiered storage, which we never ask for"},
    {"FetchRequest", 18, "lets followers tell their high watermark"},
    {"ProduceRequest", 13, "KIP-890's transactions (12), topic ids instead of names (13)"},
    {"InitProducerIdRequest", 6, "two-phase commit (KIP-939)"},
    {"EndTxnRequest", 5, "KIP-890's epochs that rise with each transaction"},
    {"WriteTxnMarkersRequest", 2, "tells which KIP-890 version a transaction has"},
};

std::vector<std::string> message_names() {
  std::vector<std::string> names;
  for_each_message([&]<class Message>(std::type_identity<Message>, wire::ApiVersionRange) {
    names.emplace_back(Message::kName);
  });
  return names;
}

const std::map<std::string, KafkaDefinition>& definitions(const std::string& kafka_version) {
  static std::map<std::string, std::map<std::string, KafkaDefinition>> loaded;
  auto& found = loaded[kafka_version];
  if (found.empty()) found = load_definitions(kafka_version, message_names());
  return found;
}

std::string to_text(const Difference& difference) {
  return fmt::format("{}: {}: ours is \"{}\", Kafka's is \"{}\"", difference.path,
                     difference.aspect, difference.ours, difference.kafkas);
}

// The differences that kDeviations does not name; adds to `used` the rows that it does.
std::vector<Difference> unexplained(std::vector<Difference> differences, std::set<size_t>& used) {
  std::erase_if(differences, [&](const Difference& difference) {
    for (size_t i = 0; i < std::size(kDeviations); ++i) {
      if (kDeviations[i].path != difference.path || kDeviations[i].aspect != difference.aspect)
        continue;
      used.insert(i);
      return true;
    }
    return false;
  });
  return differences;
}

void compare_all(const std::string& kafka_version, std::set<size_t>& used) {
  for_each_message([&]<class Message>(std::type_identity<Message>, wire::ApiVersionRange ours) {
    const KafkaDefinition& theirs = definitions(kafka_version).at(Message::kName);
    const wire::VersionRange shared = intersect({ours.lowest, ours.highest}, theirs.versions);
    EXPECT_LE(shared.first, shared.last) << Message::kName;
    for (const Difference& difference : unexplained(
             compare_fields(Message::kName, describe<Message>(), theirs.fields, shared), used))
      ADD_FAILURE() << "Kafka " << kafka_version << ": " << to_text(difference);
    const bool never_flexible = theirs.flexible == wire::kNoVersion;
    EXPECT_EQ(never_flexible ? std::numeric_limits<int16_t>::max() : theirs.flexible.first,
              Message::kFlexibleSince)
        << Message::kName;
    if constexpr (requires { Message::kApiKey; }) {
      EXPECT_EQ(theirs.api_key, static_cast<int>(Message::kApiKey)) << Message::kName;
    }
  });
}

TEST(Definitions, AgreeWithKafka) {
  std::set<size_t> used;
  compare_all("3.9.1", used);
  compare_all("4.2.0", used);
  for (size_t i = 0; i < std::size(kDeviations); ++i)
    EXPECT_TRUE(used.contains(i)) << "no longer a deviation: " << kDeviations[i].path;
}

// The version's row in `table`, or `otherwise`.
template <size_t N>
int16_t row_or(const NamedVersion (&table)[N], std::string_view request, int16_t otherwise) {
  const auto* const found = std::ranges::find(table, request, &NamedVersion::request);
  return found == std::end(table) ? otherwise : found->highest;
}

template <class Visit>
void for_each_request(Visit visit) {
  for_each_message(
      [&]<class Message>(std::type_identity<Message> message, wire::ApiVersionRange ours) {
        if constexpr (requires { Message::kApiKey; }) visit(message, ours);
      });
}

TEST(Definitions, VersionsAreThoseOf39UnlessNamed) {
  for_each_request([]<class Request>(std::type_identity<Request>, wire::ApiVersionRange ours) {
    const wire::VersionRange theirs = definitions("3.9.1").at(Request::kName).versions;
    EXPECT_EQ(ours.lowest, theirs.first) << Request::kName;
    EXPECT_EQ(ours.highest, row_or(kOtherThan39, Request::kName, theirs.last)) << Request::kName;
    EXPECT_NE(row_or(kOtherThan39, Request::kName, -1), theirs.last) << "a row too many";
  });
}

TEST(Definitions, VersionsOf42ThatWeLackAreNamed) {
  for_each_request([]<class Request>(std::type_identity<Request>, wire::ApiVersionRange ours) {
    const wire::VersionRange theirs = definitions("4.2.0").at(Request::kName).versions;
    EXPECT_EQ(row_or(kLeftOutOf42, Request::kName, ours.highest), theirs.last) << Request::kName;
    EXPECT_NE(row_or(kLeftOutOf42, Request::kName, -1), ours.highest) << "a row too many";
  });
}

// The encoder drops tagged fields of a version that is not flexible.
void expect_tags_in_flexible_versions(const std::vector<FieldDescription>& fields,
                                      int16_t flexible_since, const std::string& path) {
  for (const FieldDescription& field : fields) {
    EXPECT_TRUE(field.tag < 0 || field.versions.first >= flexible_since) << path << field.name;
    expect_tags_in_flexible_versions(field.children, flexible_since, path + field.name + ".");
  }
}

TEST(Definitions, TaggedFieldsAreInFlexibleVersionsOnly) {
  for_each_message([]<class Message>(std::type_identity<Message>, wire::ApiVersionRange) {
    expect_tags_in_flexible_versions(describe<Message>(), Message::kFlexibleSince,
                                     std::string(Message::kName) + ".");
  });
}

// A definition that differs in every way the comparison looks at: it must say so.
struct Sample {
  struct Inner {
    int32_t number = 0;
    template <class Io>
    void fields(Io& io) {
      io("Number", number);
    }
  };
  std::string name;
  std::optional<std::string> note;
  std::vector<Inner> inner;
  int64_t epoch = 5;

  template <class Io>
  void fields(Io& io) {
    io("Name", name);
    io("Note", note, {.versions = wire::since(2), .nullable = wire::since(2), .ignorable = true});
    io("Inner", inner, {.versions = {0, 3}});
    io("Epoch", epoch, {.versions = wire::since(3), .tag = 0, .default_value = 5});
  }
};

std::vector<std::string> differences_of(
    const char* kafkas_fields, const std::vector<FieldDescription>& ours = describe<Sample>()) {
  nlohmann::json definition = {{"apiKey", 1}, {"validVersions", "0-4"}, {"flexibleVersions", "3+"}};
  definition["fields"] = nlohmann::json::parse(kafkas_fields);
  std::vector<std::string> found;
  for (const Difference& difference :
       compare_fields("Sample", ours, parse_definition(definition).fields, {0, 4}))
    found.push_back(difference.path + " " + difference.aspect);
  return found;
}

TEST(Definitions, EqualOnesShowNoDifference) {
  EXPECT_EQ(differences_of(R"([
      {"name": "Name", "type": "string", "versions": "0+", "ignorable": true},
      {"name": "Note", "type": "string", "versions": "2+", "nullableVersions": "2+",
       "ignorable": true, "default": "null"},
      {"name": "Inner", "type": "[]Whatever", "versions": "0-3",
       "fields": [{"name": "Number", "type": "int32", "versions": "0-3"}]},
      {"name": "New", "type": "int8", "versions": "5+"},
      {"name": "Epoch", "type": "int64", "versions": "3+", "tag": 0, "taggedVersions": "3+",
       "default": "0x5"}])"),
            std::vector<std::string>{});
}

TEST(Definitions, EveryDifferenceIsSeen) {
  std::vector<FieldDescription> ours = describe<Sample>();
  ours.back().starts_as_default = false;
  const std::vector<std::string> expected = {
      "Sample.Name type",    "Sample.Note nullable",  "Sample.Note ignorable",
      "Sample.Note default", "Sample.Inner versions", "Sample.Inner.Number type",
      "Sample.Epoch tag",    "Sample.Epoch default",  "Sample.Epoch initial value"};
  EXPECT_EQ(differences_of(R"([
      {"name": "Name", "type": "bytes", "versions": "0+"},
      {"name": "Note", "type": "string", "versions": "2+"},
      {"name": "Inner", "type": "[]Whatever", "versions": "0-2",
       "fields": [{"name": "Number", "type": "int16", "versions": "0+"}]},
      {"name": "Epoch", "type": "int64", "versions": "3+", "tag": 1, "taggedVersions": "3+"}])",
                           ours),
            expected);
  EXPECT_EQ(differences_of("[]"), std::vector<std::string>{"Sample fields"});
}

}  // namespace
}  // namespace kferry::test
