// A producer on the source that goes on while the mirror is ill-treated.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "kafkaio/producer.h"
#include "tests/integration/source_writer.h"
#include "tests/integration/two_sides.h"

namespace kferry::mirror {

struct TrafficOptions {
  int32_t partitions = 4;
  int records_per_second = 2'000;  // of all partitions
  bool transactions = true;        // a few small ones too, every third aborted
};

// Numbered records, each different from all others, from construction until stop(). The topic
// exists.
class Traffic {
 public:
  Traffic(const std::string& bootstrap_servers, const std::string& topic,
          const TrafficOptions& options = {})
      : bootstrap_servers_(bootstrap_servers), topic_(topic), options_(options) {
    begin();
    if (options.transactions)
      transactions_ = std::make_unique<TransactionWriter>(bootstrap_servers, topic + "-traffic");
    thread_ = std::jthread([this] { run(); });
  }
  ~Traffic() { stopped_ = true; }

  // How many records were sent. Throws what went wrong.
  int64_t stop() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
    if (failure_) std::rethrow_exception(failure_);
    return sent_;
  }
  int64_t sent() const { return sent_; }
  // Why it writes no more; empty: it does.
  std::string trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }

 private:
  static constexpr Duration kRound{50};
  static constexpr int kMostBegun = 20;

  void begin() {
    producer_ = std::make_unique<kafkaio::Producer>(integration::value_of(kafkaio::Producer::open(
        {.bootstrap_servers = bootstrap_servers_,
         .properties = {{"compression.codec", "snappy"}, {"message.timeout.ms", "60000"}}})));
  }
  void run() {
    try {
      const StopToken never;
      for (int round = 0; !stopped_; ++round) {
        or_anew([this] { send_some(); });
        if (transactions_ && round % 10 == 0) run_transaction(round / 10);
        never.sleep_for(kRound);
      }
      while (!or_anew([this] {
        integration::value_of(producer_->flush(integration::within(Duration(90'000))));
      })) {
      }
    } catch (const std::exception& error) {
      failure_ = std::current_exception();
      const std::lock_guard lock(mutex_);
      trouble_ = fmt::format("after {} records: {}", sent_.load(), error.what());
    }
  }
  // A broker that has just started knows no topic for a moment, and librdkafka then gives up what
  // it holds; false, with a new producer, after that.
  template <class Work>
  bool or_anew(Work work) {
    try {
      work();
      return true;
    } catch (const std::exception&) {
      if (++begun_anew_ > kMostBegun) throw;
      begin();
      return false;
    }
  }
  void send_some() {
    const int64_t count = options_.records_per_second * kRound.count() / 1'000;
    for (int64_t i = 0; i < count; ++i, ++sent_) {
      const int32_t partition = static_cast<int32_t>(sent_ % options_.partitions);
      integration::value_of(producer_->send(
          at(topic_, partition), fmt::format("{}", sent_ % 100),
          fmt::format("record {} of {}, which is different from all others", sent_.load(), topic_),
          integration::within()));
    }
  }
  void run_transaction(int number) {
    transactions_->begin();
    for (int32_t p = 0; p < options_.partitions; p += 2)
      transactions_->write(at(topic_, p), recent_records(5, 1'000'000 + 10 * number + p));
    number % 3 == 2 ? transactions_->abort() : transactions_->commit();
  }

  const std::string bootstrap_servers_;
  const std::string topic_;
  const TrafficOptions options_;
  std::unique_ptr<kafkaio::Producer> producer_;
  std::unique_ptr<TransactionWriter> transactions_;
  std::atomic<int64_t> sent_ = 0;
  std::atomic<bool> stopped_ = false;
  int begun_anew_ = 0;  // the thread's
  std::exception_ptr failure_;
  mutable std::mutex mutex_;
  std::string trouble_;
  std::jthread thread_;
};

}  // namespace kferry::mirror
