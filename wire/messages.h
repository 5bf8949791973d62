// All messages, and the list of their requests for tests that walk every one.
#pragma once

#include <tuple>

#include "wire/messages/acls.h"
#include "wire/messages/api_versions.h"
#include "wire/messages/client_quotas.h"
#include "wire/messages/consumer_group_describe.h"
#include "wire/messages/describe_quorum.h"
#include "wire/messages/fetch.h"
#include "wire/messages/find_coordinator.h"
#include "wire/messages/group_listing.h"
#include "wire/messages/group_membership.h"
#include "wire/messages/incremental_alter_configs.h"
#include "wire/messages/leader_epoch.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/metadata.h"
#include "wire/messages/offsets.h"
#include "wire/messages/produce.h"
#include "wire/messages/producer_state.h"
#include "wire/messages/sasl.h"
#include "wire/messages/transactions.h"

namespace kferry::wire {

using AllRequests =
    std::tuple<ApiVersionsRequest, MetadataRequest, FindCoordinatorRequest, JoinGroupRequest,
               SyncGroupRequest, HeartbeatRequest, LeaveGroupRequest, OffsetCommitRequest,
               OffsetFetchRequest, ListOffsetsRequest, DescribeGroupsRequest, ListGroupsRequest,
               ConsumerGroupDescribeRequest, FetchRequest, ProduceRequest, InitProducerIdRequest,
               DescribeProducersRequest, WriteTxnMarkersRequest, AddPartitionsToTxnRequest,
               EndTxnRequest, OffsetForLeaderEpochRequest, DescribeAclsRequest, CreateAclsRequest,
               IncrementalAlterConfigsRequest, DescribeClientQuotasRequest, DescribeQuorumRequest,
               SaslHandshakeRequest, SaslAuthenticateRequest>;

}  // namespace kferry::wire
