#include "tests/integration/rights_fixture.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "tests/support/message_json.h"
#include "wire/acls.h"

namespace kferry::rights {

using integration::value_of;
using integration::within;
using mirror::operator+;
using wire::Acl;

namespace {

constexpr size_t kAtOnce = 3;
constexpr int kRunTimeoutMs = 60'000;

std::map<std::string, std::string> with_authorizer(const std::string& name) {
  return {{"authorizer.class.name", name}, {"super.users", "User:ANONYMOUS"}};
}

std::string base64_for_urls(const std::string& text) {
  std::string encoded = test::base64(text);
  while (encoded.ends_with('=')) encoded.pop_back();
  return encoded;
}

// An unsigned token, which Kafka's own validator for tests takes.
std::string token_of(const std::string& principal) {
  return base64_for_urls(R"({"alg":"none"})") + "." +
         base64_for_urls(
             fmt::format(R"({{"sub":"{}","exp":4102444800,"iat":1700000000}})", principal)) +
         ".";
}

wire::Cluster connect(const Environment& clusters, Side side) {
  const auto addresses = value_of(wire::parse_bootstrap_servers(
      side == Side::kSource ? clusters.bootstrap_servers() : clusters.target_bootstrap_servers()));
  return value_of(wire::Cluster::connect(addresses, {}, within()));
}

Acl acl_of(const std::string& principal, const Right& right) {
  return {.resource = right.resource,
          .pattern = right.name.pattern,
          .name = right.name.name,
          .principal = "User:" + principal,
          .host = "*",
          .operation = right.operation,
          .permission = wire::AclPermission::kAllow};
}

}  // namespace

std::string Case::text() const {
  if (!without) return fmt::format("{} with all that it needs", to_string(job));
  return fmt::format("{} without {} on {} {} of the {}", to_string(job),
                     wire::to_string(without->operation), wire::to_string(without->resource),
                     without->name.name, to_string(without->side));
}

void RightsOnBrokers::SetUpTestSuite() {
  environment_ = std::make_unique<Environment>(Environment::start(
      {.source = "3.9.1",
       .source_settings = with_authorizer("kafka.security.authorizer.AclAuthorizer"),
       .target = "4.1.0",
       .target_settings =
           with_authorizer("org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
       .more_arguments = {"--secure"}}));
  folder_ = std::make_unique<trouble::Folder>();
}

void RightsOnBrokers::TearDownTestSuite() {
  environment_.reset();
  folder_.reset();
}

std::string RightsOnBrokers::login(Side side) {
  return environment_->json()
      .at(std::string(to_string(side)))
      .at("listeners")
      .at("SASL_PLAINTEXT")
      .get<std::string>();
}

std::string RightsOnBrokers::properties(const std::string& principal) {
  const std::string path = file(principal + ".properties");
  trouble::write_text(path,
                      fmt::format("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n"
                                  "kferry.sasl.oauthbearer.token.command=printf '%s' {}\n",
                                  token_of(principal)));
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  return path;
}

std::vector<Right> RightsOnBrokers::needed(Job job, const doctor::RightsScope& scope) {
  std::vector<Right> rights = doctor::rights_of({job}, scope);
  std::erase_if(rights, [](const Right& right) { return !right.needed; });
  return rights;
}

void RightsOnBrokers::grant(const std::string& principal, const std::vector<Right>& rights) {
  for (const Side side : {Side::kSource, Side::kTarget}) {
    std::vector<Acl> acls;
    for (const Right& right : rights)
      if (right.side == side) acls.push_back(acl_of(principal, right));
    if (acls.empty()) continue;
    wire::Cluster cluster = connect(clusters(), side);
    for (const auto& one : value_of(wire::create_acls(cluster, acls, within()))) value_of(one);
    ASSERT_TRUE(integration::before_long([&] {
      const auto there = value_of(wire::fetch_acls(cluster, within()));
      return std::ranges::all_of(acls, [&](const Acl& acl) { return there->contains(acl); });
    }));
  }
}

std::vector<Case> RightsOnBrokers::cases_of(Job job, const doctor::RightsScope& scope) {
  static std::atomic<int> number = 0;
  const std::vector<Right> all = needed(job, scope);
  std::vector<Case> cases{{job, {}, scope, {}}};
  for (const Right& right : all) cases.push_back({job, {}, scope, right});
  for (Case& one : cases) {
    one.principal = fmt::format("{}-{}", to_string(job), ++number);
    std::vector<Right> rights = all;
    if (one.without) {
      std::erase_if(rights, [&](const Right& right) {
        return right.side == one.without->side && right.resource == one.without->resource &&
               right.name == one.without->name && right.operation == one.without->operation;
      });
    }
    grant(one.principal, rights);
  }
  return cases;
}

std::vector<ProcessResult> RightsOnBrokers::run_all(
    const std::vector<Case>& cases, const std::function<Arguments(const Case&)>& arguments_of) {
  std::vector<ProcessResult> results(cases.size());
  std::vector<Arguments> all;
  for (const Case& one : cases) all.push_back(arguments_of(one));
  std::atomic<size_t> next = 0;
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < kAtOnce; ++i)
    threads.emplace_back([&] {
      for (size_t mine = next++; mine < all.size(); mine = next++)
        results[mine] = testenv::run_kferry(all[mine], {.timeout_ms = kRunTimeoutMs});
    });
  threads.clear();
  return results;
}

Arguments RightsOnBrokers::one_cluster(const std::string& principal) {
  return {"--zookeeper",        clusters().zookeeper_connect(),
          "--bootstrap-server", login(Side::kSource),
          "--command-config",   properties(principal),
          "--no-progress"};
}

Arguments RightsOnBrokers::two_clusters(const std::string& principal) {
  const std::string client = properties(principal);
  return {"--source", login(Side::kSource), "--target", login(Side::kTarget), "--source-config",
          client,     "--target-config",    client,     "--no-progress"};
}

doctor::RightsScope scope_of(const std::string& flow, const std::vector<std::string>& topics,
                             const std::vector<std::string>& groups) {
  doctor::RightsScope scope;
  scope.flow.name = flow;
  for (const std::string& topic : topics)
    scope.topics.push_back({wire::AclPattern::kLiteral, topic});
  for (const std::string& group : groups)
    scope.groups.push_back({wire::AclPattern::kLiteral, group});
  return scope;
}

}  // namespace kferry::rights
