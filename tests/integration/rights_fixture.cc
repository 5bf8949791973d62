#include "tests/integration/rights_fixture.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "tests/support/message_json.h"
#include "wire/acls.h"

namespace kferry::rights {

using integration::value_of;
using integration::within;
using mirror::operator+;
using wire::Acl;

namespace {

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

std::string Case::missing() const {
  if (!without) return {};
  const bool own = without->name.name.starts_with("__kferry");
  return fmt::format("{} {}{} {}", to_string(without->side), wire::to_string(without->resource),
                     own ? " of kferry" : "", wire::to_string(without->operation));
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

void RightsOnBrokers::grant(Case& one) {
  static int number = 0;
  one.principal = fmt::format("{}-{}", to_string(one.job), ++number);
  std::vector<Right> rights = needed(one.job, one.scope);
  if (one.without) {
    const Right& missing = *one.without;
    std::erase_if(rights, [&](const Right& right) {
      return right.side == missing.side && right.resource == missing.resource &&
             right.name == missing.name && right.operation == missing.operation;
    });
    // It is this operation that is missed, not the lesser one that it brings along.
    for (const auto lesser : {wire::AclOperation::kDescribe, wire::AclOperation::kDescribeConfigs})
      if (missing.operation != lesser && doctor::implies(missing.operation, lesser)) {
        rights.push_back(missing);
        rights.back().operation = lesser;
      }
  }
  grant(one.principal, rights);
}

void RightsOnBrokers::make_topics(const std::vector<std::string>& topics) {
  Json spec = {{"topics", Json::array()}};
  for (const std::string& topic : topics)
    spec["topics"].push_back({{"name", topic}, {"partitions", 2}, {"records", 50}});
  environment_->workload(spec);
}

void RightsOnBrokers::offsets_in_zookeeper(const std::string& group, const std::string& topic) {
  environment_->workload(
      {{"groups",
        Json::array({{{"group", group}, {"offsets", {{topic, {{"0", 10}, {"1", 20}}}}}}})}});
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
