// A partition is copied exactly once, whatever is lost on the way: requests before and after their
// effect, answers, the whole process. Seeded, so that a failure can be repeated.
#include "replicate/partition_copy.h"

#include <random>

#include <gtest/gtest.h>

#include "replicate/target_log.h"
#include "tests/unit/replicate/fake_log.h"

namespace kferry::replicate {
namespace {

const TopicPartition kPartition{TopicName("t"), Partition(0)};
constexpr int64_t kOurs = 7;
constexpr int64_t kFiller = 8;
constexpr int64_t kGapProducer = 9;
constexpr int64_t kForeign = 99;

// A source log with holes: record i stands at offsets[i].
struct Source {
  std::vector<int64_t> offsets;
  int64_t end = 0;
};

Source make_source(std::mt19937& random, size_t records, int one_hole_in) {
  Source source;
  for (size_t i = 0; i < records; ++i) {
    if (one_hole_in > 0 && random() % static_cast<unsigned>(one_hole_in) == 0)
      source.end += 1 + static_cast<int64_t>(random() % 3);
    source.offsets.push_back(source.end++);
  }
  return source;
}

std::string value_of(int64_t offset) {
  return "record " + std::to_string(offset);
}

// What a fetch from `position` on gives: some batches of a few records, each from consecutive
// offsets, and the gaps between.
TakenIn fetch(const Source& source, SourceOffset position, std::mt19937& random,
              BufferBudget& budget) {
  TakenIn taken;
  taken.next = position;
  for (int batches = 1 + static_cast<int>(random() % 6); batches > 0; --batches) {
    auto at = std::ranges::lower_bound(source.offsets, taken.next.value());
    if (at == source.offsets.end()) {
      if (source.end > taken.next.value())
        taken.items.push_back({.first = taken.next, .next = SourceOffset(source.end)});
      taken.next = SourceOffset(source.end);
      break;
    }
    if (*at > taken.next.value()) {
      taken.items.push_back({.first = taken.next, .next = SourceOffset(*at)});
      taken.next = SourceOffset(*at);
      if (random() % 2 == 0) break;  // the log's end, at that moment
    }
    // Always the same boundaries, as the batches of a log have.
    std::vector<wire::RawRecord> records;
    std::vector<std::string> bodies;
    bodies.reserve(16);
    do {
      const std::string value = value_of(*at);
      std::string body("\x01", 1);  // no key
      body += static_cast<char>(value.size() * 2);
      body += value + '\0';
      bodies.push_back(std::move(body));
      records.push_back({*at, 1000 + *at, bodies.back()});
      ++at;
    } while (at != source.offsets.end() && *at == records.back().offset + 1 && *at % 7 != 0);
    auto bytes = wire::encode_batch(records, wire::Codec::kNone, {});
    auto buffer =
        std::make_shared<Buffer>(std::make_unique<std::string>(std::move(*bytes)), budget);
    const SourceOffset next(records.back().offset + 1);
    taken.items.push_back({.first = taken.next,
                           .next = next,
                           .records = static_cast<int32_t>(records.size()),
                           .buffer = buffer,
                           .batch = buffer->writable(buffer->bytes())});
    taken.next = next;
  }
  return taken;
}

// Everything that a process would be: killed, it is made anew from what is durable.
class Story {
 public:
  Story(const Source& source, FakeLog& log, bool identity, unsigned seed)
      : source_(source), log_(log), identity_(identity), random_(seed) {
    restart();
  }

  // Until everything is on the target. False: it did not come to an end.
  bool finish(int one_fault_in) {
    one_fault_in_ = one_fault_in;
    for (int step = 0; step < 200'000; ++step) {
      if (copy_->phase() == Phase::kQuarantined) return false;
      if (copy_->wants_position()) position();
      if (copy_->confirmed().source.value() >= source_.end) return true;
      if (fault()) {
        lose_something();
        continue;
      }
      if (copy_->fetching() && copy_->waiting_bytes() < 4000) take_in();
      send();
      if (!answers_.empty() && random_() % 2 == 0) take_answer();
      if (random_() % 50 == 0) save_reference();
      if (foreign_writer && random_() % 40 == 0) write_foreign();
    }
    return false;
  }

  const PartitionCopy& copy() const { return *copy_; }
  bool foreign_writer = false;
  bool markers_refused = false;  // empty transactions fill the gaps, a few offsets at a time
  void move_producers() {
    producers_move_ = foreign_writer = true;
    copy_->expect_other_writers();
  }

 private:
  struct Answer {
    bool gap = false;
    Ack ack;
  };

  bool fault() {
    return one_fault_in_ > 0 && random_() % static_cast<unsigned>(one_fault_in_) == 0;
  }

  void lose_something() {
    switch (random_() % 3) {
      case 0:  // the connection, with requests whose fate is unknown
        land_in_flight();
        copy_->connection_lost("lost");
        transactions_begun_ = false;
        answers_.clear();
        break;
      case 1:  // the process
        land_in_flight();
        restart();
        break;
      default:  // a leader that is no longer one: the request had no effect
        if (unsent_.empty()) return;
        answers_.push_back({false, {kPartition, wire::kNotLeaderOrFollower, {}, {}}});
        unsent_.pop_front();
        break;
    }
  }

  // Some of what was sent arrives, in order; the rest never does.
  void land_in_flight() {
    while (!unsent_.empty() && random_() % 2 == 0) land_one();
    unsent_.clear();
  }

  void restart() {
    copy_ =
        std::make_unique<PartitionCopy>(kPartition, wire::Uuid{}, kPartition, OffsetsMode::kAuto);
    answers_.clear();
    unsent_.clear();
    transactions_begun_ = false;
    if (producers_move_) copy_->expect_other_writers();
    copy_->reposition({});
  }

  void position() {
    const CopyPosition reference = copy_->started() ? copy_->confirmed() : saved_;
    OffsetMap map = copy_->started() ? copy_->map() : saved_map_;
    if (copy_->gap_producer()) gap_producers_ = {*copy_->gap_producer()};
    LogScanner scanner(reference, {{kOurs, 0, 0}, kFiller, gap_producers_}, identity_, plan_);
    ASSERT_TRUE(scanner.add(log_.read(reference.target.value())));
    const LogScan scan = scanner.scan();
    ASSERT_EQ(scan.position.target.value(), log_.end());
    const bool ends = identity_ && (scan.foreign || copy_->wants_translation());
    if (ends) {
      ASSERT_TRUE(producers_move_);
      identity_ = false;
      map.add({SourceOffset(0), TargetOffset(0)});
    }
    for (const OffsetRun& run : scan.runs) map.add(run);
    if (ends) {
      saved_ = scan.position;
      saved_map_ = map;
    }
    std::erase_if(plan_, [&](const auto& one) { return one.first >= scan.position.copied; });
    PartitionCopy::Start start;
    start.position = scan.position;
    start.producer = {kOurs, 0, 0};
    start.identity = identity_;
    start.map = std::move(map);
    copy_->start(std::move(start));
  }

  void take_in() {
    TakenIn taken = fetch(source_, copy_->fetch_position(), random_, budget_);
    const SourcePlan more = copy_->plan_of(taken);
    plan_.insert(plan_.end(), more.begin(), more.end());
    copy_->accept(std::move(taken));
  }

  void send() {
    std::vector<CopyItem> work = copy_->next_work(1);
    if (work.empty()) return;
    CopyItem item = std::move(work.front());
    if (work.size() > 1) {
      work.front() = std::move(item);
      auto merged = merge(work, budget_, 1 << 20);
      ASSERT_TRUE(merged) << merged.error().message;
      item = std::move(*merged);
    }
    const bool gap = item.is_gap();
    const auto count = static_cast<int32_t>(item.offsets());
    const CopyItem* const sent = copy_->sent(std::move(item), copy_->generation());
    ASSERT_NE(sent, nullptr);
    unsent_.push_back({gap ? std::string() : std::string(sent->batch.data(), sent->batch.size()),
                       gap ? count : 0});
    if (random_() % 3 != 0)
      while (!unsent_.empty()) land_one();
  }

  void land_one() {
    const auto [bytes, markers] = unsent_.front();
    unsent_.pop_front();
    if (markers > 0 && markers_refused) {
      land_transactions(markers);
    } else if (markers > 0) {
      log_.write_markers(markers, kFiller);
      answers_.push_back({true, {kPartition, wire::kNone, {}, {}}});
    } else {
      answers_.push_back({false, log_.produce(kPartition, bytes)});
    }
  }

  void land_transactions(int32_t wanted) {
    Ack ack{kPartition, wire::kClusterAuthorizationFailed, {}, {}};
    if (std::exchange(transactions_begun_, true)) {
      ack.error_code = wire::kNone;
      ack.filled = std::min(wanted, 1 + static_cast<int32_t>(random_() % 2));
      log_.write_markers(*ack.filled, kGapProducer);
    } else {
      ack.gap_producer = kGapProducer;
    }
    answers_.push_back({true, ack});
  }

  void take_answer() {
    copy_->on_ack(answers_.front().ack, 1);
    answers_.pop_front();
  }

  void save_reference() {
    if (!copy_->started()) return;
    saved_ = copy_->confirmed();
    saved_map_ = copy_->map();
  }

  void write_foreign() {
    std::string body("\x01\x02x\x00", 4);
    const wire::RawRecord record{0, 0, body};
    auto bytes = wire::encode_batch(std::span(&record, 1), wire::Codec::kNone,
                                    {kForeign, 0, foreign_sequence_++});
    log_.produce(kPartition, *bytes);
  }

  const Source& source_;
  FakeLog& log_;
  bool identity_;  // durable
  std::mt19937 random_;
  BufferBudget budget_{1 << 20};
  int one_fault_in_ = 0;
  bool producers_move_ = false;
  bool transactions_begun_ = false;  // on this connection
  std::unique_ptr<PartitionCopy> copy_;
  std::deque<std::pair<std::string, int32_t>> unsent_;  // bytes, or that many markers
  std::deque<Answer> answers_;
  // Durable.
  CopyPosition saved_;
  OffsetMap saved_map_;
  SourcePlan plan_;
  std::vector<int64_t> gap_producers_;
  int32_t foreign_sequence_ = 0;
};

// The records of ours in the log are the source's, each once and in order.
void expect_exact_copy(const Source& source, const FakeLog& log, bool identity) {
  size_t next = 0;
  for (const FakeLog::Entry& entry : log.entries()) {
    if (entry.producer_id != kOurs) continue;
    ASSERT_LT(next, source.offsets.size());
    ASSERT_EQ(entry.value, value_of(source.offsets[next]));
    if (identity) {
      ASSERT_EQ(entry.offset, source.offsets[next]);
    }
    ++next;
  }
  EXPECT_EQ(next, source.offsets.size());
}

void expect_exact_translation(const Source& source, const FakeLog& log, const PartitionCopy& copy) {
  std::vector<int64_t> targets;
  for (const FakeLog::Entry& entry : log.entries())
    if (entry.producer_id == kOurs) targets.push_back(entry.offset);
  for (int64_t offset = 0; offset <= source.end; ++offset) {
    const auto translated = copy.translate(SourceOffset(offset));
    ASSERT_TRUE(translated);
    ASSERT_TRUE(translated->complete);
    ASSERT_LE(translated->offset.value(), log.end()) << offset;
    for (size_t i = 0; i < targets.size(); ++i)
      ASSERT_EQ(targets[i] < translated->offset.value(), source.offsets[i] < offset)
          << offset << " -> " << translated->offset.value();
  }
}

TEST(PartitionCopy, IdentityWithoutTrouble) {
  std::mt19937 random(1);
  const Source source = make_source(random, 2'000, 0);
  FakeLog log;
  Story run(source, log, true, 1);
  ASSERT_TRUE(run.finish(0));
  expect_exact_copy(source, log, true);
  EXPECT_EQ(log.end(), source.end);
}

TEST(PartitionCopy, IdentityWithHolesAndFaults) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const Source source = make_source(random, 300, 15);
    FakeLog log;
    Story run(source, log, true, seed);
    ASSERT_TRUE(run.finish(20)) << run.copy().reason();
    expect_exact_copy(source, log, true);
    EXPECT_EQ(log.end(), source.end);
  }
}

TEST(PartitionCopy, EmptyTransactionsFillHolesWhereMarkersAreRefused) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const Source source = make_source(random, 300, 15);
    FakeLog log;
    Story run(source, log, true, seed);
    run.markers_refused = true;
    ASSERT_TRUE(run.finish(20)) << run.copy().reason();
    expect_exact_copy(source, log, true);
    EXPECT_EQ(log.end(), source.end);
    EXPECT_TRUE(run.copy().identity());
  }
}

// A gap of `offsets`, refused with `code`: the phase that follows.
PartitionCopy after_refusal(int64_t offsets, int16_t code) {
  PartitionCopy copy(kPartition, wire::Uuid{}, kPartition, OffsetsMode::kAuto);
  copy.start({});
  TakenIn gap;
  gap.items.push_back({.first = SourceOffset(0), .next = SourceOffset(offsets)});
  gap.next = SourceOffset(offsets);
  copy.accept(gap);
  EXPECT_NE(copy.sent(std::move(copy.next_work(1).at(0)), copy.generation()), nullptr);
  copy.on_ack({kPartition, code, {}, {}}, 1);
  if (copy.phase() == Phase::kPositioning && !copy.wants_translation()) {
    copy.start({});
    copy.accept(std::move(gap));
  }
  return copy;
}

TEST(PartitionCopy, AGapThatCannotBeFilledEndsIdentity) {
  using enum wire::KafkaError;
  EXPECT_FALSE(after_refusal(10'000, kClusterAuthorizationFailed).wants_translation());
  const PartitionCopy large = after_refusal(10'001, kClusterAuthorizationFailed);
  EXPECT_TRUE(large.wants_translation());
  EXPECT_NE(large.reason().find("ALTER on the cluster"), std::string::npos) << large.reason();
  const PartitionCopy neither = after_refusal(1, kTransactionalIdAuthorizationFailed);
  EXPECT_TRUE(neither.wants_translation());
  EXPECT_NE(neither.reason().find("begin with kferry-"), std::string::npos) << neither.reason();
}

TEST(PartitionCopy, TranslationWithHolesFaultsAndOtherWriters) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Source source = make_source(random, 300, 15);
    source.end += seed % 3;  // transaction markers come last, for instance
    FakeLog log;
    Story run(source, log, false, seed);
    run.foreign_writer = seed % 2 == 0;
    ASSERT_TRUE(run.finish(20)) << run.copy().reason();
    expect_exact_copy(source, log, false);
    expect_exact_translation(source, log, run.copy());
  }
}

// From then on it is translated, nothing is lost or doubled, and what was copied before keeps its
// offsets.
TEST(PartitionCopy, IdentityEndsWhereProducersMoveToTheTarget) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const Source source = make_source(random, 300, 15);
    FakeLog log;
    Story run(source, log, true, seed);
    run.move_producers();
    ASSERT_TRUE(run.finish(20)) << run.copy().reason();
    expect_exact_copy(source, log, false);
    expect_exact_translation(source, log, run.copy());
    EXPECT_FALSE(run.copy().identity());
  }
}

TEST(PartitionCopy, AForeignRecordStopsAnIdentityPartition) {
  std::mt19937 random(3);
  const Source source = make_source(random, 2'000, 0);
  FakeLog log;
  Story run(source, log, true, 3);
  run.foreign_writer = true;
  EXPECT_FALSE(run.finish(0));
  EXPECT_EQ(run.copy().phase(), Phase::kQuarantined);
  EXPECT_NE(run.copy().reason().find("somebody else wrote to t-0"), std::string::npos)
      << run.copy().reason();
}

// How many batches go out one after the other, without an answer, at `now_ms`.
size_t send_all(PartitionCopy& copy, int64_t now_ms) {
  size_t sent = 0;
  for (auto work = copy.next_work(now_ms); !work.empty(); work = copy.next_work(now_ms), ++sent)
    EXPECT_NE(copy.sent(std::move(work.front()), copy.generation()), nullptr);
  return sent;
}

// A broker that knows nothing of our producer id takes any sequence number from it, the second of
// two batches as well when it has refused the first one.
TEST(PartitionCopy, ABatchIsConfirmedBeforeOthersFollowIt) {
  std::mt19937 random(1);
  const Source source = make_source(random, 400, 0);
  BufferBudget budget(1 << 20);
  PartitionCopy copy(kPartition, wire::Uuid{}, kPartition, OffsetsMode::kAuto);
  PartitionCopy::Start start;
  start.producer = {kOurs, 0, 0};
  copy.start(std::move(start));
  // Few enough that they are not merged.
  const auto take_in = [&](int batches) {
    for (; batches > 0; --batches) {
      TakenIn taken = fetch(source, copy.fetch_position(), random, budget);
      taken.items.resize(1);
      taken.next = taken.items.front().next;
      copy.accept(std::move(taken));
    }
  };
  const auto confirm = [&](int64_t now_ms) {
    copy.on_ack({kPartition, wire::kNone, copy.confirmed().target, {}}, now_ms);
  };
  take_in(6);
  EXPECT_EQ(send_all(copy, 1'000), 1U);
  confirm(1'000);
  EXPECT_EQ(send_all(copy, 1'010), PartitionCopy::kMostInFlight);
  for (size_t i = 0; i < PartitionCopy::kMostInFlight; ++i) confirm(1'020);

  // It may have forgotten us meanwhile.
  take_in(6);
  EXPECT_EQ(send_all(copy, 1'020 + PartitionCopy::kLongQuietMs), 1U);
  confirm(1'020 + PartitionCopy::kLongQuietMs);
  EXPECT_EQ(send_all(copy, 1'021 + PartitionCopy::kLongQuietMs), PartitionCopy::kMostInFlight);
}

}  // namespace
}  // namespace kferry::replicate
