// After the migration real consumers start at exactly the migrated offset of every partition.
#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/migrate_fixture.h"

namespace kferry::integration {
namespace {

using nlohmann::json;

class MigrateConsumers : public testing::TestWithParam<const char*> {};

// orders-2 from the very first record, orders-3 at the end, where there is nothing to read yet.
const Offsets kMigrated{{"orders-0", 10},  {"orders-1", 57},   {"orders-2", 0},   {"orders-3", 100},
                        {"payments-0", 1}, {"payments-1", 49}, {"payments-2", 25}};

constexpr const char* kInZookeeper = R"({"orders": {"0": 10, "1": 57, "2": 0, "3": 100},
                                        "payments": {"0": 1, "1": 49, "2": 25}})";

void migrate(Site& site, const std::string& group) {
  site.write_zookeeper(group, json::parse(kInZookeeper));
  const KferryRun run = site.run({"migrate", "--group", group, "--execute"});
  ASSERT_EQ(run.exit_code(), 0) << run.text();
}

TEST_P(MigrateConsumers, JavaStartsAtTheMigratedOffsets) {
  Site& site = site_of(GetParam());
  migrate(site, "c-java");
  if (HasFailure()) return;
  Offsets committed;
  Offsets positions;
  for (const json& line : site.consume("c-java", "orders,payments")) {
    const std::string name =
        fmt::format("{}-{}", line["topic"].get<std::string>(), line["partition"].get<int>());
    ASSERT_TRUE(line["error"].is_null()) << line;
    committed[name] = line["committed"];
    positions[name] = line["position"];
    if (name == "orders-3") {
      EXPECT_TRUE(line["first_offset"].is_null()) << line;
      continue;
    }
    EXPECT_EQ(line["first_offset"], kMigrated.at(name)) << line;
    EXPECT_EQ(line["first_value"], fmt::format("{}-{}", name, kMigrated.at(name)));
  }
  EXPECT_EQ(committed, kMigrated);
  EXPECT_EQ(positions, kMigrated);
}

TEST_P(MigrateConsumers, LibrdkafkaStartsAtTheMigratedOffsets) {
  Site& site = site_of(GetParam());
  migrate(site, "c-rdkafka");
  if (HasFailure()) return;
  for (const std::string topic : {"orders", "payments"}) {
    Offsets expected = kMigrated;
    std::erase_if(expected, [&](const auto& one) {
      return !one.first.starts_with(topic) || one.first == "orders-3";
    });
    LiveMember member(site.properties(), "c-rdkafka", topic);
    EXPECT_EQ(member.first_offsets(expected.size()), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Sources, MigrateConsumers, testing::Values("2.8.2", "3.9.1"),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace kferry::integration
