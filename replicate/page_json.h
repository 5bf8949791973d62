// What the status page polls: small answers, however many partitions there are. For the page only;
// programs take /status, whose schema stays.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "replicate/status.h"

namespace kferry::replicate {

// "?offset=50&limit=50&order=lag&q=ord&topic=orders" of a request.
struct ListQuery {
  enum class Order { kTrouble, kLag, kName };

  static constexpr size_t kMostRows = 500;
  size_t offset = 0;
  size_t limit = 50;  // 1 to kMostRows
  Order order = Order::kTrouble;
  std::string find;   // only names with this in them; empty: all
  std::string topic;  // of partitions: only this one's; empty: all
};
// `query` as it came, percent-encoded. kUsage: names the parameter.
Result<ListQuery> parse_list_query(std::string_view query);

// The fields of /status before "groups", and: "percent" copied; "stuck": the first partitions that
// are quarantined or waiting, quarantined first, of "stuck_total".
std::string summary_json(const FlowStatus& status);
// {"total", "offset", "rows"}: `total` is without the limit.
std::string topics_json(const FlowStatus& status, const ListQuery& query);
std::string partitions_json(const FlowStatus& status, const ListQuery& query);
std::string groups_json(const FlowStatus& status, const ListQuery& query);

}  // namespace kferry::replicate
