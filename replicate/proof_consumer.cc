// A side of a proof through librdkafka.
#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include <fmt/format.h>

#include "kafkaio/consumer.h"
#include "replicate/proof_cursor.h"
#include "replicate/proof_reader.h"
#include "wire/varint.h"

namespace kferry::replicate {
namespace {

constexpr size_t kMostRecords = 10'000;
constexpr Duration kPollTime{1'000};
constexpr Duration kNothingComes{60'000};

void add_varint(std::string& text, int64_t number) {
  std::array<char, 10> bytes{};
  char* const end = wire::put_varint(bytes.data(), number);
  text.append(bytes.data(), static_cast<size_t>(end - bytes.data()));
}

void add_bytes(std::string& text, const std::optional<std::string>& bytes) {
  add_varint(text, bytes ? static_cast<int64_t>(bytes->size()) : -1);
  if (bytes) text += *bytes;
}

// As in a record of format 2.
std::string body_of(const kafkaio::Record& record) {
  std::string body;
  add_bytes(body, record.key);
  add_bytes(body, record.value);
  add_varint(body, static_cast<int64_t>(record.headers.size()));
  for (const auto& [key, value] : record.headers) {
    add_bytes(body, key);
    add_bytes(body, value);
  }
  return body;
}

using Cursors = std::map<TopicPartition, std::unique_ptr<ProofCursor>>;

// What was read or skipped over since; true when something was.
bool take(const kafkaio::Consumer& consumer, const std::vector<kafkaio::Record>& records,
          Cursors& cursors, RateLimit& rate) {
  for (const kafkaio::Record& record : records) {
    const auto found = cursors.find(record.partition);
    const std::string body = body_of(record);
    rate.spend(body.size());
    if (found != cursors.end())
      found->second->take_record(record.offset.value(), record.timestamp_ms, body);
  }
  bool moved = false;
  for (const auto& [partition, position] : consumer.positions()) {
    const auto found = cursors.find(partition);
    if (found == cursors.end() || found->second->done()) continue;
    const int64_t before = found->second->position();
    found->second->advance(consumer.at_end() ? found->second->task().end : position.value());
    moved = moved || found->second->position() != before || found->second->done();
  }
  return moved || !records.empty();
}

}  // namespace

Result<> read_tasks_by_librdkafka(const ProofReading& reading,
                                  const std::vector<ProofTask>& tasks) {
  Cursors cursors;
  kafkaio::Consumer::Positions start;
  for (const ProofTask& task : tasks) {
    auto cursor = std::make_unique<ProofCursor>(task, reading.sample, reading.sink);
    if (cursor->done()) continue;
    start[task.partition] = Offset(cursor->position());
    cursors[task.partition] = std::move(cursor);
  }
  if (cursors.empty()) return {};
  KFERRY_TRY(auto consumer, kafkaio::Consumer::open(reading.cluster.properties, start));
  Deadline give_up = Deadline::after(kNothingComes);
  const auto all_done = [&] {
    return std::ranges::all_of(cursors, [](const auto& one) { return one.second->done(); });
  };
  while (!all_done()) {
    KFERRY_CHECK(reading.stop.check("reading records"));
    if (const Duration delay = reading.rate.delay(); delay.count() > 0) {
      reading.stop.sleep_for(delay);
      continue;
    }
    KFERRY_TRY(const auto records,
               consumer.poll(kMostRecords, Wait(Deadline::after(kPollTime), reading.stop)));
    if (take(consumer, records, cursors, reading.rate)) give_up = Deadline::after(kNothingComes);
    if (give_up.expired())
      return fail(ErrorKind::kUnreachable, fmt::format("{}: nothing comes", reading.cluster.alias));
  }
  return {};
}

}  // namespace kferry::replicate
