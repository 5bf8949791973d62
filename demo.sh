#!/usr/bin/env bash
# Installs, builds, starts real servers on the loopback, and shows the whole job: three teams, two client layouts,
# one team in trouble, and then the mirror to a new cluster.  Everything runs in a temporary folder and is gone at the end.
set -euo pipefail
cd "$(dirname "$0")"

scripts/install-deps.sh
scripts/build.sh release kferry
kferry=$PWD/build/release/kferry
root=$PWD
work=$(mktemp -d "${TMPDIR:-/tmp}/kferry-demo.XXXXXX")
finish() {
  [ ! -e "$work/env.json" ] || "$root/testenv/down" --env "$work/env.json" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT

java_tool() {  # a Java client of testenv/java, with Kafka's own jars
  java -Dlog4j.configuration="file:$root/testenv/java/log4j.properties" -cp "$("$root/testenv/jars" 3.9.1)/*" \
    "$root/testenv/java/$1.java" "${@:2}"
}
say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
# Runs a command that is shown, and says which exit code it gave when that is not the expected one.
run() {
  local expected=$1
  shift
  printf '\n$ %s\n' "$*" | sed "s|$kferry|kferry|; s|$work/||g"
  local code=0
  "$@" || code=$?
  echo "(exit code $code)"
  if [ "$code" -ne "$expected" ]; then
    echo "demo: expected exit code $expected" >&2
    exit 1
  fi
}

say "Starting ZooKeeper, a Kafka 3.9.1 broker with the offsets of five groups in ZooKeeper, and a KRaft 4.1 cluster"
testenv/up --source 3.9.1 --target 4.1.0 --chroot /kafka --env "$work/env.json" --owner-pid $$ \
  --workload testenv/demo/workload.json >/dev/null
value() { python3 -c "import json,sys; e=json.load(open('$work/env.json')); print($1)"; }
zookeeper=$(value "e['zookeeper']['connect']")
bootstrap=$(value "e['source']['bootstrap_servers']")
target=$(value "e['target']['bootstrap_servers']")
cd "$work"
cat > kferry.yaml <<YAML
zookeeper: $zookeeper
bootstrap_server: $bootstrap
teams:
  payments:
    groups: [billing, billing-audit]
  logistics:
    groups: [shipping, shipping-live]
  web:
    patterns: ["clicks-.*"]
YAML

say "1. What is there?"
run 0 "$kferry" scan --config kferry.yaml

say "2. Team payments: plan, migrate, verify"
run 3 "$kferry" plan --config kferry.yaml --team payments --quiet-period 2s --out payments.plan.json
run 0 "$kferry" migrate --plan payments.plan.json --execute --report payments.report.json \
  --csv payments.csv
run 0 "$kferry" verify --plan payments.plan.json --report payments.verify.json
echo; echo "The report for the change ticket begins:"; head -n 45 payments.report.json

say "3. Team logistics: one of its consumers is still alive"
run 4 "$kferry" plan --config kferry.yaml --team logistics --quiet-period 2s --out logistics.plan.json
echo; echo "The group that is at rest goes in one shot, as an init container would do it:"
run 0 "$kferry" migrate --config kferry.yaml --group shipping --quiet-period 2s --execute \
  --report shipping.report.json
echo; echo "Again: nothing is left to do."
run 0 "$kferry" migrate --config kferry.yaml --group shipping --quiet-period 2s --execute \
  --report shipping.report.json

say "4. Team web is in trouble: retention has deleted what clicks-0 would read next"
run 4 "$kferry" plan --config kferry.yaml --team web --quiet-period 2s --out web.plan.json
echo; echo "The team accepts to begin at what is left:"
run 3 "$kferry" plan --config kferry.yaml --team web --quiet-period 2s --on-range clamp --out web.plan.json
run 0 "$kferry" migrate --plan web.plan.json --execute --report web.report.json

say "5. An upgraded consumer of group billing starts where the old one stopped"
java_tool ConsumeFrom --bootstrap "$bootstrap" --group billing --topics orders,payments

say "6. Changed our mind: roll team web back"
run 3 "$kferry" rollback --journal web.report.json.journal
run 0 "$kferry" rollback --journal web.report.json.journal --execute

say "7. The mirror: everything to the new cluster. What would it do?"
run 3 "$kferry" replicate --source "$bootstrap" --target "$target" --topics 'orders|payments|clicks' --dry-run

say "8. Mirrored until caught up. The guard holds back the groups that were not migrated."
run 3 "$kferry" replicate --source "$bootstrap" --target "$target" --topics 'orders|payments|clicks' \
  --groups 'billing.*|clicks-report' --zookeeper "$zookeeper" --until-caught-up

say "9. A consumer of group billing goes on at the new cluster, at the same offsets"
java_tool ConsumeFrom --bootstrap "$target" --group billing --topics orders,payments
echo; echo "Do both clusters hold the same, by a Java consumer's word?"
java_tool CompareTopics --source "$bootstrap" --target "$target" --topics 'orders|payments|clicks' --identity

say "Done. Stopping the servers."
