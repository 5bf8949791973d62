#include "replicate/cutover_rehearsal.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text_table.h"
#include "verify/json_writer.h"

namespace kferry::replicate {
namespace {

constexpr Duration kOpenTimeout{60'000};
constexpr Duration kLookTimeout{30'000};
constexpr Duration kMirrorStarts{15'000};  // as for the cut-over itself
// A look that came too late for the window still counts.
constexpr int64_t kSlackMs = 5'000;
// The mirror looks at the flow's state that often (CutoverWatch).
constexpr int64_t kWatchMs = 1'000;

std::string why_blocked(const GroupFacts& group) {
  if (!group.trouble.empty()) return group.trouble;
  if (group.lives_on_target()) return "it has members on the target already";
  for (const auto& [partition, translation] : group.translations) {
    if (!translation) return fmt::format("nothing can be said of {} on the target yet", partition);
    if (translation->mixed) return fmt::format("it stands among mixed records of {}", partition);
  }
  return {};
}

// Two looks to see that it is empty and stands still, one to see its offsets on the target; the
// group sync before and after; the mirror's own look; and what is still on its way.
int64_t predict_pause(const FlowSettings& flow, const CutoverFacts& facts, double publish_rate) {
  const int64_t look_ms = Cutover::kInterval.count() + facts.took_ms;
  const double lag_s = publish_rate > 0 ? static_cast<double>(facts.lag()) / publish_rate : 0;
  return 3 * look_ms + 2 * flow.group_interval.count() + kWatchMs +
         static_cast<int64_t>(lag_s * 1000);
}

std::vector<TopicPartition> grown(const CutoverFacts& before, const CutoverFacts& now) {
  std::vector<TopicPartition> grown;
  for (const auto& [partition, end] : now.source_ends) {
    const auto was = before.source_ends.find(partition);
    if (was == before.source_ends.end() || was->second != end) grown.push_back(partition);
  }
  return grown;
}

}  // namespace

bool CutoverRehearsal::ready() const {
  return waiting.empty() &&
         std::ranges::all_of(groups, [](const Group& one) { return one.blocked.empty(); });
}

Result<CutoverRehearsal> rehearse_cutover(const FlowSettings& flow, const CutoverOptions& options,
                                          const StopToken& stop) {
  KFERRY_TRY(const auto observer,
             CutoverObserver::open(flow, kMirrorStarts, Wait(Deadline::after(kOpenTimeout), stop)));
  CutoverRehearsal rehearsal;
  CatchUp catch_up;
  CutoverFacts first;
  CutoverFacts now;
  do {
    KFERRY_TRY(now, observer->observe(Wait(Deadline::after(kLookTimeout), stop)));
    if (first.at_ms == 0) first = now;
    rehearsal.waiting = catch_up.take(now);
    if (!stop.sleep_for(Cutover::kInterval)) KFERRY_CHECK(stop.check("rehearsing the cut-over"));
  } while (now.at_ms - first.at_ms < CatchUp::kWindowMs ||
           (!rehearsal.waiting.empty() && now.at_ms - first.at_ms < CatchUp::kWindowMs + kSlackMs));
  rehearsal.lag = now.lag();
  rehearsal.publish_rate = catch_up.publish_rate();
  rehearsal.written = grown(first, now);
  rehearsal.pause_ms = predict_pause(flow, now, rehearsal.publish_rate);
  const auto scope = selected_groups(options, now);
  for (const auto& [id, group] : now.groups) {
    if ((scope && !scope->contains(id)) || now.moved.contains(id)) continue;
    rehearsal.groups.push_back({id, group.source_members, why_blocked(group)});
  }
  return rehearsal;
}

std::string to_json_text(const CutoverRehearsal& rehearsal, const FlowSettings& flow,
                         int exit_code) {
  std::string document;
  verify::JsonWriter json([&](std::string_view piece) { document += piece; });
  json.begin_object();
  json.field("schema", "kferry/cutover-rehearsal/v1");
  json.field("generated_at", to_rfc3339(wall_clock_ms()));
  json.field("tool_version", KFERRY_VERSION);
  json.field("flow", flow.name);
  json.field("ready", rehearsal.ready());
  json.field("waiting", rehearsal.waiting);
  json.field("lag", rehearsal.lag);
  json.field("publish_rate", static_cast<int64_t>(rehearsal.publish_rate));
  json.field("predicted_pause_ms", rehearsal.pause_ms);
  json.key("groups").begin_array();
  for (const auto& one : rehearsal.groups) {
    json.begin_line();
    json.field("group", one.group.value());
    json.field("members", one.members);
    json.field("blocked", one.blocked);
    json.end();
  }
  json.end();
  json.key("written_partitions").begin_array();
  for (const TopicPartition& one : rehearsal.written) {
    json.begin_line();
    json.field("topic", one.topic.value());
    json.field("partition", one.partition.value());
    json.end();
  }
  json.end();
  json.field("exit_code", exit_code);
  json.end();
  json.finish();
  return document;
}

std::string to_text(const CutoverRehearsal& rehearsal, const FlowSettings& flow) {
  std::string text = fmt::format("Rehearsal of flow '{}': nothing was changed.\n\n", flow.name);
  text +=
      fmt::format("copy: {}; lag {} records at {:.0f} records/s\n",
                  rehearsal.waiting.empty() ? "caught up" : "not caught up: " + rehearsal.waiting,
                  rehearsal.lag, rehearsal.publish_rate);
  std::vector<std::string> written;
  for (const TopicPartition& one : rehearsal.written) written.push_back(fmt::format("{}", one));
  text += written.empty() ? "producers: nothing was written to the source meanwhile\n"
                          : fmt::format("producers: {} partitions were written to: {}\n",
                                        written.size(), some_of(written));
  TextTable table({"GROUP", "CONSUMERS ON THE SOURCE", "CAN BE MOVED"});
  for (const auto& one : rehearsal.groups)
    table.add({one.group.value(), one.members.empty() ? "none" : one.members,
               one.blocked.empty() ? "yes" : "no: " + one.blocked});
  text += fmt::format("\n{}\n", table.render());
  text += fmt::format(
      "A group would be without consumers for about {:.1f} s, and for as long as "
      "yours take to stop and to start.\n",
      static_cast<double>(rehearsal.pause_ms) / 1000);
  text += rehearsal.ready() ? "Ready.\n" : "Not ready: see above.\n";
  return text;
}

}  // namespace kferry::replicate
