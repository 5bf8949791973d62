#!/usr/bin/env bash
# Installs, builds and runs every test.  ./test.sh [--quick] [--soak]
#   --quick  no real servers: unit and component tests only; fuzz targets run their corpora
#   --soak   the slow soaks too; fuzz targets run for 10 minutes each, not for one
set -euo pipefail
cd "$(dirname "$0")"
quick=false
fuzz_seconds=60
# The same code is judged alike each time; what chance finds is for the long runs.
export FUZZ_SEED=1
for argument in "$@"; do
  case "$argument" in
    --quick) quick=true; fuzz_seconds=0 ;;
    --soak) export KFERRY_SOAK=1 FUZZ_SEED=0; fuzz_seconds=600 ;;
    *) echo "usage: ./test.sh [--quick] [--soak]" >&2; exit 2 ;;
  esac
done

scripts/install-deps.sh
scripts/build.sh release kferry integration_tests
scripts/build.sh dev unit_tests component_tests
scripts/build.sh tsan component_tests
scripts/build.sh fuzz fuzz_targets

echo "== Unit and component tests under ASan and UBSan"
ctest --test-dir build/dev -L 'unit|component' --output-on-failure -j2
echo "== Threaded code under TSan"
ctest --test-dir build/tsan -L component --output-on-failure -j2
echo "== Fuzz targets"
scripts/fuzz.sh "$fuzz_seconds"
$quick && exit 0
echo "== Integration tests on real servers"
ctest --test-dir build/release -L integration --output-on-failure -j3
if [ -n "${KFERRY_SOAK:-}" ]; then
  echo "== Every broker version"
  tests/matrix
fi
