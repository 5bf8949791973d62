#include "cli/job_options.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/program_options/value_semantic.hpp>

namespace kferry::cli {

namespace po = boost::program_options;

namespace {

std::string names_of_jobs() {
  std::vector<std::string_view> names;
  for (const doctor::Job job : doctor::all_jobs()) names.push_back(to_string(job));
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

void add_jobs(OptionsDescription& options, const char* without) {
  const std::string help = fmt::format("one of {}; may be repeated ({})", names_of_jobs(), without);
  options.add_options()(
      "job", po::value<std::vector<std::string>>()->composing()->value_name("JOB"), help.c_str());
}

Result<std::vector<doctor::Job>> read_jobs(const Values& values,
                                           const std::vector<doctor::Job>& otherwise) {
  if (values.count("job") == 0) return otherwise;
  std::vector<doctor::Job> jobs;
  for (const std::string& name : values["job"].as<std::vector<std::string>>()) {
    const auto job = doctor::parse_job(name);
    if (!job)
      return fail(ErrorKind::kUsage, fmt::format("--job '{}': no such job", name),
                  "the jobs are: " + names_of_jobs());
    if (std::ranges::find(jobs, *job) == jobs.end()) jobs.push_back(*job);
  }
  return jobs;
}

}  // namespace kferry::cli
