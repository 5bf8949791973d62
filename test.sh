#!/usr/bin/env bash
# Installs, builds and runs every test.  ./test.sh [--quick] [--soak]
#   --quick  no real servers: unit and component tests only
#   --soak   the slow soaks too
set -euo pipefail
cd "$(dirname "$0")"
quick=false
for argument in "$@"; do
  case "$argument" in
    --quick) quick=true ;;
    --soak) export KFERRY_SOAK=1 ;;
    *) echo "usage: ./test.sh [--quick] [--soak]" >&2; exit 2 ;;
  esac
done

scripts/install-deps.sh
scripts/build.sh release kferry integration_tests
scripts/build.sh dev unit_tests component_tests
scripts/build.sh tsan component_tests

echo "== Unit and component tests under ASan and UBSan"
ctest --test-dir build/dev -L 'unit|component' --output-on-failure -j2
echo "== Threaded code under TSan"
ctest --test-dir build/tsan -L component --output-on-failure
$quick && exit 0
echo "== Integration tests on real servers"
ctest --test-dir build/release -L integration --output-on-failure -j2
if [ -n "${KFERRY_SOAK:-}" ]; then
  echo "== Every broker version"
  tests/matrix
fi
