// Kafka's error codes: one row each (Kafka: org.apache.kafka.common.protocol.Errors).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace kferry::wire {

// The codes that our code decides on; the table knows more.
enum KafkaError : int16_t {
  kUnknownServerError = -1,
  kNone = 0,
  kOffsetOutOfRange = 1,
  kCorruptMessage = 2,
  kUnknownTopicOrPartition = 3,
  kLeaderNotAvailable = 5,
  kNotLeaderOrFollower = 6,
  kRequestTimedOut = 7,
  kMessageTooLarge = 10,
  kOffsetMetadataTooLarge = 12,
  kCoordinatorLoadInProgress = 14,
  kCoordinatorNotAvailable = 15,
  kNotCoordinator = 16,
  kRecordListTooLarge = 18,
  kNotEnoughReplicas = 19,
  kIllegalGeneration = 22,
  kInconsistentGroupProtocol = 23,
  kInvalidGroupId = 24,
  kUnknownMemberId = 25,
  kInvalidSessionTimeout = 26,
  kRebalanceInProgress = 27,
  kTopicAuthorizationFailed = 29,
  kGroupAuthorizationFailed = 30,
  kClusterAuthorizationFailed = 31,
  kUnsupportedSaslMechanism = 33,
  kIllegalSaslState = 34,
  kUnsupportedVersion = 35,
  kTopicAlreadyExists = 36,
  kPolicyViolation = 44,
  kOutOfOrderSequenceNumber = 45,
  kDuplicateSequenceNumber = 46,
  kInvalidProducerEpoch = 47,
  kInvalidTxnState = 48,
  kInvalidProducerIdMapping = 49,
  kConcurrentTransactions = 51,
  kTransactionCoordinatorFenced = 52,
  kTransactionalIdAuthorizationFailed = 53,
  kUnknownProducerId = 59,
  kGroupIdNotFound = 69,
  kFetchSessionIdNotFound = 70,
  kInvalidFetchSessionEpoch = 71,
  kFencedLeaderEpoch = 74,
  kUnknownLeaderEpoch = 75,
  kMemberIdRequired = 79,
  kUnstableOffsetCommit = 88,
  kProducerFenced = 90,
  kUnknownTopicId = 100,
  kInconsistentTopicId = 103,
  kFetchSessionTopicIdError = 106,
};

struct ErrorRow {
  int16_t code;
  std::string_view name;         // "NOT_COORDINATOR"
  bool retriable;                // the same request may succeed later
  std::string_view description;  // one clause, for people
};

// The row of `code`; of a code we do not know, a row that says so.
const ErrorRow& error_row(int16_t code);

// An Error for a code that a broker gave: `doing` says what was being done and to what. Codes that
// mean "denied" become kNotAuthorised, of an unreachable coordinator or leader kUnreachable, others
// kFailed.
Error kafka_error(int16_t code, std::string_view doing);

}  // namespace kferry::wire
