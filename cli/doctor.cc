// kferry doctor: looks at everything before the night of the move.
#include <fmt/format.h>
#include <boost/program_options/value_semantic.hpp>

#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/job_options.h"
#include "cli/replicate_options.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "doctor/gather.h"
#include "doctor/judge.h"
#include "doctor/report.h"
#include "replicate/patterns.h"

namespace kferry::cli {

namespace po = boost::program_options;

OptionsDescription doctor_options() {
  OptionsDescription migration("The migration alone");
  migration.add_options()("bootstrap-server", po::value<std::string>()->value_name("HOST:PORT,..."),
                          "Kafka brokers, where there is no mirror yet; --zookeeper names the "
                          "servers that have the offsets")(
      "command-config", po::value<std::string>()->value_name("FILE"),
      "client properties for these brokers");
  add_offset_source(migration);
  OptionsDescription rights("Rights");
  add_jobs(rights, "migrate with ZooKeeper; replicate, cutover and prove with a flow");
  OptionsDescription output("Output");
  add_output(output, log::Level::kWarn);
  OptionsDescription options;
  options.add(describe_settings()).add(migration).add(rights).add(output);
  return options;
}

namespace {

using doctor::DoctorRequest;
using doctor::Job;

// Whether there is a mirror to look at: a target is given, or kferry.yaml has flows.
Result<bool> is_about_a_flow(const Values& values, const CommonOptions& common) {
  const bool named = values.count("source") != 0 || values.count("target") != 0;
  if (named && !common.bootstrap.empty())
    return fail(ErrorKind::kUsage, "--bootstrap-server and --source or --target: only one of them",
                "the brokers that have the groups are the source");
  if (named || !common.bootstrap.empty()) return named;
  if (common.config_file.empty())
    return fail(ErrorKind::kUsage, "no cluster given",
                "pass --config kferry.yaml, or --source and --target, or --bootstrap-server with "
                "--zookeeper or --offset-source broker");
  KFERRY_TRY(const Config config, read_config(common.config_file));
  return !config.flows.empty();
}

// What the options say of a migration: one cluster, and every topic and group.
Result<DoctorRequest> read_migration(const Values& values, const CommonOptions& common) {
  KFERRY_TRY(Settings settings, read_settings(common));
  DoctorRequest request;
  KFERRY_TRY(const NamedFlow named, read_named_flow(values));
  request.flow = named.flow;
  KFERRY_TRY(request.flow.topics.include, replicate::parse_patterns(named.topics));
  KFERRY_TRY(request.flow.groups.include, replicate::parse_patterns(named.groups));
  request.flow.source = {"source", settings.bootstrap, settings.bootstrap_addresses,
                         settings.client, settings.properties};
  request.flow.zookeeper_login = settings.zookeeper_login;
  if (!settings.zookeeper.empty()) request.zookeeper = settings.zookeeper;
  return request;
}

Result<DoctorRequest> read_request(const Values& values, const CommonOptions& common) {
  KFERRY_TRY(const bool has_flow, is_about_a_flow(values, common));
  DoctorRequest request;
  if (has_flow) {
    KFERRY_TRY(request.flow, read_flow(values));
    request.has_flow = true;
    request.zookeeper = request.flow.zookeeper;
  } else {
    KFERRY_TRY(request, read_migration(values, common));
  }
  std::vector<Job> jobs;
  if (request.zookeeper || !has_flow) jobs.push_back(Job::kMigrate);
  if (has_flow) jobs.insert(jobs.end(), {Job::kReplicate, Job::kCutover, Job::kProve});
  KFERRY_TRY(request.jobs, read_jobs(values, jobs));
  return request;
}

}  // namespace

Result<int> run_doctor(const std::vector<std::string>& arguments, const StopToken& stop,
                       Output& output) {
  KFERRY_TRY(const Values values, parse(arguments, doctor_options()));
  KFERRY_TRY(const CommonOptions common, read_common(values));
  log::configure(common.log_format, common.log_level);
  KFERRY_TRY(const DoctorRequest request, read_request(values, common));
  KFERRY_TRY(const doctor::DoctorFacts facts, doctor::gather(request, stop));
  const doctor::DoctorReport report = doctor::describe(facts, doctor::judge(facts));
  output.out = common.format == OutputFormat::kJson ? to_json(report) : to_table(report);
  return doctor::exit_code_of(report);
}

}  // namespace kferry::cli
