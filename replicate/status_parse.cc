#include <fmt/format.h>

#include "replicate/status_json.h"
#include "verify/json_reader.h"

namespace kferry::replicate {
namespace {

using nlohmann::json;
using verify::Fields;
using verify::Reading;

constexpr int64_t kLargestRate = 1'000'000'000'000'000;

std::optional<Phase> parse_phase(std::string_view name) {
  for (const Phase phase : kPhases)
    if (to_string(phase) == name) return phase;
  return std::nullopt;
}

class StatusReader {
 public:
  explicit StatusReader(const json& document) : document_(document) {}

  Result<FlowStatus> run() {
    Fields top(reading_, document_, "");
    if (top.text("schema") != "kferry/mirror-status/v1")
      top.fail("schema", "is not kferry/mirror-status/v1");
    if (!reading_.failed()) read_head(top);
    if (!reading_.failed()) read_lists(top);
    if (reading_.failed())
      return fail(ErrorKind::kFailed,
                  fmt::format("not a status of kferry: {}", reading_.error().message),
                  "another version of kferry wrote it, or it is no mirror that answers");
    return std::move(status_);
  }

 private:
  // take(Fields) for each object of an array.
  template <class Take>
  void each(Fields& in, const json& object, const std::string& name, Take take) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_array()) return in.fail(name, "is not an array");
    for (size_t i = 0; i < found->size() && !reading_.failed(); ++i)
      take(Fields(reading_, (*found)[i], fmt::format("/{}/{}", name, i)));
  }

  void read_head(Fields& top) {
    status_.taken_at_ms = top.time("taken_at");
    status_.flow = top.text("flow");
    status_.instance = top.text("instance");
    status_.started_at_ms = top.time("started_at");
    status_.ready = top.truth("ready");
    Fields source = top.object("source");
    status_.source_alias = source.text("alias");
    status_.source_cluster_id = source.maybe_text("cluster_id");
    Fields target = top.object("target");
    status_.target_alias = target.text("alias");
    status_.target_cluster_id = target.maybe_text("cluster_id");
    status_.max_bytes_per_second = top.number("max_bytes_per_second");
    status_.buffered_bytes = top.number("buffered_bytes");
    status_.troubles = top.texts("troubles");
    Fields summary = top.object("summary");
    status_.records = summary.number("records");
    status_.bytes = summary.number("bytes");
    if (auto rates = top.maybe_object("rates")) {
      const auto number = [&](const char* name) {
        return static_cast<double>(rates->number(name, -kLargestRate, kLargestRate));
      };
      status_.rates = {number("records_per_second"), number("bytes_per_second"),
                       number("lag_per_second"), number("published_per_second")};
    }
    if (auto cutover = top.maybe_object("cutover")) read_cutover(*cutover);
  }

  void read_cutover(Fields& from) {
    CutoverView view;
    view.record.state = from.named("state", parse_cutover_state);
    view.record.released = from.truth("released");
    view.record.waiting = from.maybe_text("waiting").value_or("");
    if (from.truth("led")) view.record.runner = "a process";
    view.record.runner_at_ms = from.maybe_time("led_at").value_or(0);
    const json& object = document_.at("cutover");
    each(from, object, "history", [&](Fields one) {
      const CutoverState state = one.named("state", parse_cutover_state);
      view.record.history.emplace_back(state, one.time("at"));
    });
    each(from, object, "groups", [&](Fields one) {
      MovedGroup& moved = view.moved[GroupId(one.text("group"))];
      moved.empty_at_ms = one.maybe_time("empty_at").value_or(-1);
      moved.moved_at_ms = one.maybe_time("moved_at").value_or(-1);
      moved.alive_at_ms = one.maybe_time("alive_at").value_or(-1);
    });
    status_.cutover = std::move(view);
  }

  void read_lists(Fields& top) {
    each(top, document_, "processes", [&](Fields one) {
      status_.processes.push_back({one.text("instance"), one.time("started_at"),
                                   one.time("told_at"), one.number("slots"), one.truth("running"),
                                   one.truth("ended")});
    });
    each(top, document_, "groups", [&](Fields one) {
      status_.groups.push_back(
          {GroupId(one.text("group")), one.text("state"), one.maybe_text("reason").value_or(""),
           one.number("partitions"), one.number("synced_partitions"),
           one.maybe_time("synced_at").value_or(-1), one.maybe_number("latency_ms").value_or(-1)});
    });
    each(top, document_, "partitions", [&](Fields one) { read_partition(one); });
  }

  void read_partition(Fields& from) {
    const auto number = [&](const char* name) {
      const int64_t found = from.maybe_number(name).value_or(-1);
      // One less than the largest, so that the lag behind -1 is a number too.
      if (found == std::numeric_limits<int64_t>::max()) from.fail(name, "is too large");
      return found;
    };
    PartitionStatus one;
    one.source = {TopicName(from.text("topic")),
                  Partition(static_cast<int32_t>(
                      from.number("partition", 0, std::numeric_limits<int32_t>::max())))};
    one.target_topic = TopicName(from.text("target_topic"));
    one.phase = from.named("phase", parse_phase);
    one.identity = from.truth("identity");
    one.reason = from.maybe_text("reason").value_or("");
    one.position = SourceOffset(number("position"));
    one.source_start = SourceOffset(number("source_start_offset"));
    one.source_end = SourceOffset(number("source_end_offset"));
    one.target_end = TargetOffset(number("target_end_offset"));
    one.records = number("records");
    one.bytes = number("bytes");
    one.last_timestamp_ms = from.maybe_time("last_timestamp").value_or(-1);
    one.last_copied_at_ms = from.maybe_time("last_copied_at").value_or(-1);
    status_.partitions.push_back(std::move(one));
  }

  const json& document_;
  Reading reading_;
  FlowStatus status_;
};

}  // namespace

Result<FlowStatus> parse_status(const std::string& document) {
  const json parsed = json::parse(document, nullptr, false);
  if (!parsed.is_object())
    return fail(ErrorKind::kFailed, "not a status of kferry: no JSON object",
                "is it a mirror that answers there?");
  return StatusReader(parsed).run();
}

}  // namespace kferry::replicate
