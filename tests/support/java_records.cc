#include "tests/support/java_records.h"

#include <sstream>
#include <stdexcept>

#include "tests/support/java_wire.h"

namespace kferry::test {
namespace {

nlohmann::json to_json(const JavaBatch& batch) {
  return {{"magic", batch.magic},
          {"codec", batch.codec},
          {"base_offset", batch.base_offset},
          {"log_append_time", batch.log_append_time},
          {"append_time", batch.append_time},
          {"marker", batch.marker},
          {"empty", batch.empty},
          {"producer_id", batch.producer_id},
          {"producer_epoch", batch.producer_epoch},
          {"base_sequence", batch.base_sequence},
          {"transactional", batch.transactional},
          {"leader_epoch", batch.leader_epoch},
          {"delete_horizon", batch.delete_horizon},
          {"records", test::to_json(batch.records)}};
}

std::vector<nlohmann::json> ask(const std::string& kafka_version,
                                const std::vector<nlohmann::json>& questions) {
  std::string input;
  for (const nlohmann::json& question : questions) input += question.dump() + "\n";
  std::istringstream output(run_java("RecordGolden", kafka_version, input));
  std::vector<nlohmann::json> answers;
  for (std::string line; std::getline(output, line);)
    answers.push_back(nlohmann::json::parse(line));
  if (answers.size() != questions.size())
    throw std::runtime_error("RecordGolden.java did not answer everything");
  return answers;
}

}  // namespace

std::vector<JavaAnswer> java_writes(const std::string& kafka_version,
                                    const std::vector<JavaBatch>& batches) {
  std::vector<nlohmann::json> questions;
  for (const JavaBatch& batch : batches) questions.push_back({{"write", to_json(batch)}});
  std::vector<JavaAnswer> answers;
  for (const nlohmann::json& answer : ask(kafka_version, questions))
    answers.push_back({from_hex(answer.at("bytes").get<std::string>()), answer.at("batches")});
  return answers;
}

std::vector<nlohmann::json> java_reads(const std::string& kafka_version,
                                       const std::vector<std::string>& logs) {
  std::vector<nlohmann::json> questions;
  for (const std::string& log : logs) questions.push_back({{"read", to_hex(log)}});
  std::vector<nlohmann::json> answers;
  for (const nlohmann::json& answer : ask(kafka_version, questions))
    answers.push_back(answer.contains("error") ? answer.at("error") : answer.at("batches"));
  return answers;
}

}  // namespace kferry::test
