// The command line as a whole: which verb, help, errors, exit codes.
#include <cstdio>
#include <sstream>

#include <fmt/format.h>

#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "verify/report.h"

namespace kferry::cli {

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table{
      {"scan", "list the consumer groups in ZooKeeper",
       "Reads every group that keeps offsets in ZooKeeper: its layout, offsets, lag, who is alive "
       "in it\n"
       "and what Kafka has of it already. Writes nothing.\n\n"
       "  kferry scan --zookeeper zk1:2181/kafka --bootstrap-server kafka1:9092\n"
       "  kferry scan ... --suggest-config kferry.yaml",
       scan_options, run_scan},
      {"plan", "decide what has to be committed, and say why not where not",
       "Compares ZooKeeper with Kafka and decides each partition. Writes only the plan file.\n"
       "Exit code 0: nothing to do, 3: changes pending, 4: something is refused.\n\n"
       "  kferry plan --config kferry.yaml --team payments --out plan.json\n"
       "  kferry plan --zookeeper zk1:2181 --bootstrap-server kafka1:9092 --group billing --out "
       "plan.json",
       plan_options, run_plan},
      {"migrate", "commit ZooKeeper's offsets to Kafka, and prove it",
       "Applies a plan: checks for drift, holds each group as its only member, commits, reads "
       "back,\n"
       "leaves. Without --execute it shows what it would do. With --group instead of --plan it "
       "plans and\n"
       "applies in one go, which fits an init container: it is idempotent, and a group that was "
       "migrated\n"
       "earlier and has moved on is left alone with exit code 0.\n\n"
       "  kferry migrate --plan plan.json --execute --report report.json\n"
       "  kferry migrate --zookeeper zk1:2181 --bootstrap-server kafka1:9092 --group billing \\\n"
       "      --execute --report report.json\n"
       "  kferry migrate --resume --execute --journal report.json.journal --report report.json",
       migrate_options, run_migrate},
      {"verify", "compare ZooKeeper with Kafka, independently, at any time",
       "Reads ZooKeeper anew and Kafka through another client library than the migration, and "
       "compares.\n"
       "Exit code 0: everything stands as it should, 3: differences.\n\n"
       "  kferry verify --plan plan.json --report verify.json\n"
       "  kferry verify --config kferry.yaml --team payments --report verify.json",
       verify_options, run_verify},
      {"rollback", "restore the Kafka offsets from before a migration",
       "Reads a journal and puts back what Kafka had before. Groups that have moved on since are "
       "left\n"
       "alone. Without --execute it shows what it would do.\n\n"
       "  kferry rollback --journal report.json.journal --execute",
       rollback_options, run_rollback},
      {"replicate", "mirror topics, offsets, configs and ACLs to another cluster",
       "Copies the topics that --topics selects, with the offsets that they have, and keeps the "
       "copy\n"
       "current; brings the committed offsets of --groups over. Runs until it is stopped, or with\n"
       "--until-caught-up until everything is copied that was there at the start: then 0, or 3 "
       "when\n"
       "something could not follow. Started again it goes on where it was. Several processes of "
       "one\n"
       "--flow share the work.\n\n"
       "  kferry replicate --source old1:9092 --target new1:9092 --topics '.*' --groups '.*' \\\n"
       "      --listen 127.0.0.1:8080",
       replicate_options, run_replicate},
      {"status", "say how a mirror is: lag, groups, cut-over, what needs attention",
       "Reads what the processes of a flow have told of themselves in its state topic on the "
       "target, from\n"
       "any machine; says how old that is, and when no mirror is running. Writes nothing. Exit "
       "code "
       "0: all is\n"
       "well, 3: something needs attention (it says what), 5: unreachable.\n\n"
       "  kferry status --target new1:9092 --flow 'source->target'\n"
       "  kferry status --config kferry.yaml --watch\n"
       "  kferry status --url http://127.0.0.1:9400 --format json",
       status_options, run_status},
      {"handoff", "show which groups may be mirrored, and mirror these",
       "Judges every group that --groups selects: by the teams' diff reports and whether anything\n"
       "has changed since, or by a verification now. Shows which are ready, which are not and "
       "why.\n"
       "Writes only the report. Exit code 0: all are ready, 3: some are not.\n"
       "With --execute it becomes `kferry replicate` with exactly the groups that are ready; 4 "
       "when\n"
       "there is none. What stays behind is named; run it again to take it along.\n\n"
       "  kferry handoff --config kferry.yaml --reports reports/ --report handoff.json\n"
       "  kferry handoff --config kferry.yaml --reports reports/ --execute --require-all",
       handoff_options, run_handoff},
      {"cutover", "lead consumers and producers over to the target, step by step",
       "Leads through mirroring, caught_up, consumers_moved, producers_moved, drained, proved and\n"
       "stopped, while `kferry replicate` runs with the same flow, --topics and --groups. Each "
       "group's\n"
       "last offsets are confirmed on the target before its consumers are called there, and its "
       "pause is\n"
       "measured. Steps wait for `release`, from another terminal, unless --auto is given. What "
       "was reached\n"
       "stands on the target: after Ctrl-C or a crash, run it again, on any machine.\n\n"
       "  kferry cutover --source old1:9092 --target new1:9092 --topics '.*' --groups '.*' "
       "--report r.json\n"
       "  kferry cutover release ...    go on with the next step\n"
       "  kferry cutover show ...       where it is, what it waits for, alarms (exit code 3 until "
       "it is over)\n"
       "  kferry cutover abort ...      groups back to the source, with what they have committed",
       cutover_options, run_cutover},
      {"prove", "show that source and target hold the same",
       "Compares records (offset, timestamp, key, value, headers) by digest, up to the ends that "
       "the\n"
       "source's logs have at the start, and names the first record that differs in a partition; "
       "topics,\n"
       "configs, ACLs and the committed offsets of --groups. Writes only the report. Exit code 0: "
       "the\n"
       "same, 3: differences.\n\n"
       "  kferry prove --source old1:9092 --target new1:9092 --topics '.*' --groups '.*' \\\n"
       "      --flow 'source->target' --report proof.json\n"
       "  kferry prove ... --sample 5% --report quick.json",
       prove_options, run_prove},
      {"export", "write the flow's settings for MirrorMaker 2",
       "For those who stay with Kafka Connect: `kferry export mm2` writes a properties file for\n"
       "connect-mirror-maker.sh, `kferry export strimzi` a KafkaMirrorMaker2 resource, from the "
       "same\n"
       "settings as `kferry replicate`. Secrets are not copied: they are referred to. Reads no\n"
       "cluster.\n\n"
       "  kferry export mm2 --config kferry.yaml --handoff handoff.json --out mm2.properties\n"
       "  kferry export strimzi --config kferry.yaml --flow 'onprem->cloud' | kubectl apply -f -",
       export_options, run_export},
      {"doctor", "look at everything before the night of the move",
       "Checks the servers by the addresses that they advertise, versions, clocks, the login, "
       "each\n"
       "right that is needed, topics' settings on both sides, whether offsets can be the same, "
       "and\n"
       "what is about to expire. Says of each finding what it is, where, why it matters and what "
       "to\n"
       "do. Writes nothing anywhere. Exit code 0: all is well, 3: something needs attention,\n"
       "5: unreachable, 7: not authorised.\n\n"
       "  kferry doctor --config kferry.yaml\n"
       "  kferry doctor --source old1:9092 --target new1:9092 --topics '.*' --groups '.*' \\\n"
       "      --zookeeper zk1:2181/kafka --format json",
       doctor_options, run_doctor},
      {"acls", "list the rights that each job needs",
       "Prints the smallest set of rights that kferry's principal needs for the jobs given, and "
       "the\n"
       "commands of kafka-acls.sh that grant them. Asks no cluster.\n\n"
       "  kferry acls --job migrate --groups billing --topics orders --principal User:kferry\n"
       "  kferry acls --job replicate --job cutover --config kferry.yaml --commands",
       acls_options, run_acls},
  };
  return table;
}

namespace {

std::string overview() {
  std::string text =
      "kferry moves Kafka consumers off ZooKeeper without losing a record and without re-reading "
      "one.\n\n"
      "Usage: kferry VERB [OPTIONS]\n\nVerbs:\n";
  for (const Verb& verb : verbs()) text += fmt::format("  {:<10}{}\n", verb.name, verb.summary);
  text += fmt::format("  {:<10}{}\n  {:<10}{}\n", "version", "print kferry's version", "help",
                      "`kferry help VERB` explains a verb and its options");
  text +=
      "\nExit codes: 0 done and verified, 1 failed, 2 usage, 3 differences or changes pending,\n"
      "4 refused, 5 unreachable, 6 partly done (resume), 7 not authorised, 130 interrupted.\n";
  return text;
}

const Verb* find_verb(const std::string& name) {
  for (const Verb& verb : verbs())
    if (name == verb.name) return &verb;
  return nullptr;
}

std::string help_of(const Verb& verb) {
  std::stringstream text;
  text << "Usage: kferry " << verb.name << " [OPTIONS]\n\n"
       << verb.details << "\n\n"
       << verb.options();
  return text.str();
}

void print_error(const Error& error, bool json) {
  if (json) {
    fmt::print(stderr, "{{\"error\":{{\"kind\":\"{}\",\"message\":{},\"hint\":{}}}}}\n",
               to_string(error.kind), log::json_quote(error.message), log::json_quote(error.hint));
    return;
  }
  fmt::print(stderr, "kferry: {}\n", error.message);
  if (!error.hint.empty()) fmt::print(stderr, "  {}\n", error.hint);
}

// The two options that matter before the verb has parsed the rest: how errors and logs look.
bool wants_json(const std::vector<std::string>& arguments, const std::string& option) {
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i] == option + "=json" ||
        (arguments[i] == option && i + 1 < arguments.size() && arguments[i + 1] == "json"))
      return true;
  return false;
}

// What is written for people must arrive: a closed pipe or a full disk is an error.
bool print_output(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return std::fflush(stdout) == 0 && written;
}

int run_verb(const Verb& verb, const std::vector<std::string>& arguments, const StopToken& stop) {
  const bool json = wants_json(arguments, "--format");
  Output output;
  Result<int> code;
  try {
    code = verb.run(arguments, stop, output);
  } catch (const std::exception& error) {
    code = fail(ErrorKind::kFailed, fmt::format("unexpected: {}", error.what()),
                "this is a defect of kferry; the journal shows what was done");
  }
  const bool printed = print_output(output.out);
  if (!code) {
    print_error(code.error(), json);
    return verify::exit_code_of(code.error().kind);
  }
  if (!printed) {
    print_error(Error{ErrorKind::kFailed, "the result could not be written to stdout", {}, 0},
                json);
    return kFailed;
  }
  return *code;
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments, const StopToken& stop) {
  const auto is_one_of = [&](auto... names) {
    return !arguments.empty() && ((arguments[0] == names) || ...);
  };
  if (is_one_of("version", "--version")) {
    return print_output("kferry " KFERRY_VERSION "\n") ? kDone : kFailed;
  }
  if (arguments.empty() || is_one_of("help", "--help", "-h")) {
    if (arguments.size() > 1) {
      const Verb* const verb = find_verb(arguments[1]);
      if (verb != nullptr) return print_output(help_of(*verb)) ? kDone : kFailed;
      print_error(Error{ErrorKind::kUsage, fmt::format("no verb '{}'", arguments[1]),
                        "`kferry help` lists the verbs", 0},
                  false);
      return kUsage;
    }
    const bool printed = print_output(overview());
    return arguments.empty() ? kUsage : printed ? kDone : kFailed;
  }
  const Verb* const verb = find_verb(arguments[0]);
  if (verb == nullptr) {
    print_error(Error{ErrorKind::kUsage, fmt::format("no verb '{}'", arguments[0]),
                      "`kferry help` lists the verbs", 0},
                wants_json(arguments, "--format"));
    return kUsage;
  }
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  for (const std::string& argument : rest)
    if (argument == "--help") return print_output(help_of(*verb)) ? kDone : kFailed;
  return run_verb(*verb, rest, stop);
}

}  // namespace kferry::cli
