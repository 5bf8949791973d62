#include "migrate/journal.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/test_hook.h"
#include "base/whole_number.h"
#include "migrate/plan_file.h"
#include "verify/report_json.h"

namespace kferry::migrate {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

constexpr std::string_view kSchema = "kferry/journal/v1";
constexpr const char* kFileName = "journal.jsonl";
constexpr const char* kPlanName = "plan.json";
// A journal line lists a group's partitions; this is far beyond any real group.
constexpr size_t kMaxLineBytes = 256 * 1024 * 1024;

std::unexpected<Error> disk_error(const std::string& path, std::string_view doing) {
  return fail(ErrorKind::kFailed, fmt::format("{} {}: {}", doing, path, std::strerror(errno)),
              "the journal must be on a disk with room; choose another place with --journal DIR");
}

ordered_json to_json(const GroupDone& done) {
  ordered_json partitions = ordered_json::array();
  for (const auto& one : done.partitions) {
    ordered_json row = {{"topic", one.partition.topic.value()},
                        {"partition", one.partition.partition.value()},
                        {"outcome", verify::to_string(one.outcome)}};
    if (one.kafka_offset) row["kafka_offset"] = one.kafka_offset->value();
    if (!one.detail.empty()) row["detail"] = one.detail;
    partitions.push_back(std::move(row));
  }
  ordered_json json = {{"record", "done"}, {"group", done.group.value()}};
  if (done.expires_at_ms) json["expires_at_ms"] = *done.expires_at_ms;
  if (!done.detail.empty()) json["detail"] = done.detail;
  json["partitions"] = std::move(partitions);
  return json;
}

// Names that are not UTF-8 cannot stand in JSON: the broken bytes are replaced, as in plans and
// reports.
std::string to_line(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

GroupDone done_from_json(const ordered_json& json) {
  GroupDone done;
  done.group = GroupId(json.at("group").get<std::string>());
  if (json.contains("expires_at_ms")) done.expires_at_ms = whole<int64_t>(json.at("expires_at_ms"));
  done.detail = json.value("detail", "");
  for (const auto& row : json.at("partitions")) {
    auto& one = done.partitions.emplace_back();
    one.partition = {TopicName(row.at("topic").get<std::string>()),
                     Partition(whole<int32_t>(row.at("partition"), 0))};
    const auto outcome = verify::parse_outcome(row.at("outcome").get<std::string>());
    if (!outcome) throw std::runtime_error("unknown outcome");
    one.outcome = *outcome;
    if (row.contains("kafka_offset"))
      one.kafka_offset = Offset(whole<int64_t>(row.at("kafka_offset")));
    one.detail = row.value("detail", "");
  }
  return done;
}

// Throws nlohmann's or std exceptions on a line of another form: the caller names the line.
void apply_line(const std::string& line, JournalState& state) {
  const auto json = ordered_json::parse(line);
  const auto record = json.at("record").get<std::string>();
  if (record == "start") {
    if (json.at("schema").get<std::string>() != kSchema)
      throw std::runtime_error("written by another version of kferry");
    state.plan_id = json.at("plan").get<std::string>();
  } else if (record == "intent") {
    state.intended.insert(GroupId(json.at("group").get<std::string>()));
  } else if (record == "done") {
    GroupDone done = done_from_json(json);
    state.done.insert_or_assign(done.group, std::move(done));
  } else if (record == "finish") {
    state.finished = true;
  } else if (record == "rollback") {
    state.rolled_back = true;
  } else {
    throw std::runtime_error(fmt::format("unknown record '{}'", record));
  }
}

Result<JournalState> read_run(const std::string& run_folder) {
  const std::string path = run_folder + "/" + kFileName;
  std::ifstream file(path, std::ios::binary);
  if (!file) return disk_error(path, "opening the journal");
  KFERRY_TRY(JournalState state, read_journal(file, path));
  state.run_folder = run_folder;
  return state;
}

// Makes the names in `folder` durable.
void sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

std::string run_name(const Plan& plan) {
  std::string time = to_rfc3339(wall_clock_ms());
  std::erase_if(time, [](char c) { return c == '-' || c == ':' || c == '.'; });
  return fmt::format("run-{}-{}", time, plan.id.substr(0, 8));
}

}  // namespace

Journal::Journal(Journal&& other) noexcept
    : run_folder_(std::move(other.run_folder_)), fd_(std::exchange(other.fd_, -1)) {}

Journal::~Journal() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Journal> Journal::create(const std::string& journal_folder, Plan& plan) {
  const std::string plan_text = migrate::to_json(plan);
  const std::string run_folder = journal_folder + "/" + run_name(plan);
  std::error_code made;
  fs::create_directories(run_folder, made);
  if (made) {
    errno = made.value();
    return disk_error(run_folder, "creating the journal folder");
  }
  KFERRY_CHECK(verify::write_file_atomically(run_folder + "/" + kPlanName, plan_text));
  test_hook("journal.plan_written");
  const std::string path = run_folder + "/" + kFileName;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return disk_error(path, "creating the journal");
  Journal journal(run_folder, fd);
  sync_folder(run_folder);
  sync_folder(journal_folder);
  const ordered_json start = {{"record", "start"},
                              {"schema", kSchema},
                              {"plan", plan.id},
                              {"at", to_rfc3339(wall_clock_ms())}};
  KFERRY_CHECK(journal.append(to_line(start)));
  test_hook("journal.started");
  return journal;
}

Result<Journal> Journal::reopen(const JournalState& state) {
  const std::string path = state.run_folder + "/" + kFileName;
  if (state.torn) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    const size_t last_newline = text.str().rfind('\n');
    const auto keep = last_newline == std::string::npos ? 0 : last_newline + 1;
    if (::truncate(path.c_str(), static_cast<off_t>(keep)) != 0)
      return disk_error(path, "cutting a torn line off");
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return disk_error(path, "opening the journal");
  return Journal(state.run_folder, fd);
}

// Writes under the lock, then shares an fsync: whoever finds none under way does it for all that
// was written by then.
Result<> Journal::append(const std::string& line) {
  const std::string path = run_folder_ + "/" + kFileName;
  std::unique_lock lock(mutex_);
  const auto failed = [&]() -> Result<> {
    return fail(ErrorKind::kFailed, error_,
                "the journal must be on a disk with room; choose another place with --journal DIR");
  };
  if (!error_.empty()) return failed();
  const std::string bytes = line + "\n";
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(fd_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      error_ = fmt::format("writing the journal {}: {}", path, std::strerror(errno));
      return failed();
    }
    done += static_cast<size_t>(n);
  }
  const int64_t mine = ++written_;
  while (on_disk_ < mine && error_.empty()) {
    if (syncing_) {
      synced_.wait(lock);
      continue;
    }
    syncing_ = true;
    const int64_t covered = written_;
    lock.unlock();
    const int outcome = ::fdatasync(fd_);
    const int why = errno;
    lock.lock();
    syncing_ = false;
    if (outcome == 0)
      on_disk_ = std::max(on_disk_, covered);
    else
      error_ = fmt::format("syncing the journal {}: {}", path, std::strerror(why));
    synced_.notify_all();
  }
  return error_.empty() ? Result<>{} : failed();
}

Result<> Journal::append_intent(const GroupId& group) {
  const ordered_json json = {{"record", "intent"}, {"group", group.value()}};
  return append(to_line(json));
}

Result<> Journal::append_done(const GroupDone& done) {
  return append(to_line(to_json(done)));
}

Result<> Journal::append_finish(int exit_code) {
  const ordered_json json = {{"record", "finish"}, {"exit_code", exit_code}};
  return append(to_line(json));
}

Result<> Journal::append_rollback() {
  const ordered_json json = {{"record", "rollback"}, {"at", to_rfc3339(wall_clock_ms())}};
  return append(to_line(json));
}

Result<JournalState> read_journal(std::istream& lines, const std::string& path) {
  JournalState state;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const bool ended_by_newline = !lines.eof();
    if (!ended_by_newline) {  // a crash cut the last line off: it never counted as written
      state.torn = !line.empty();
      break;
    }
    if (line.size() > kMaxLineBytes)
      return fail(ErrorKind::kUsage, fmt::format("{} line {}: too long", path, number));
    try {
      apply_line(line, state);
    } catch (const std::exception& error) {
      return fail(ErrorKind::kUsage, fmt::format("{} line {}: {}", path, number, error.what()),
                  "the journal was changed by something else than kferry");
    }
  }
  return state;
}

Result<std::optional<JournalState>> read_latest_run(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return fail(ErrorKind::kUsage, fmt::format("journal folder {}: no such folder", folder),
                "pass the folder that the migration named as its journal");
  if (fs::exists(folder + "/" + kFileName)) {
    KFERRY_TRY(JournalState state, read_run(folder));
    return state;
  }
  std::vector<std::string> runs;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().filename().string().starts_with("run-")) runs.push_back(entry.path().string());
  std::ranges::sort(runs, std::greater<>());
  for (const std::string& run : runs) {
    // A run without a journal was killed before it began: nothing was written.
    if (!fs::exists(run + "/" + kFileName)) continue;
    KFERRY_TRY(JournalState state, read_run(run));
    if (state.plan_id.empty()) continue;
    return state;
  }
  return std::nullopt;
}

Result<Plan> read_plan_of(const JournalState& state) {
  const std::string path = state.run_folder + "/" + kPlanName;
  std::ifstream file(path, std::ios::binary);
  if (!file) return disk_error(path, "opening the plan of the run");
  std::stringstream text;
  text << file.rdbuf();
  auto plan = parse_plan(text.str());
  if (!plan) return std::unexpected(in_context(plan.error(), path));
  if (plan->id != state.plan_id)
    return fail(ErrorKind::kRefused, fmt::format("{} is not the plan that its journal names", path),
                "the folder was changed by something else than kferry");
  return plan;
}

}  // namespace kferry::migrate
