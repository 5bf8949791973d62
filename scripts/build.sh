#!/usr/bin/env bash
# build.sh PRESET [TARGET...]: configures (once) and builds a preset of CMakePresets.json.
set -euo pipefail
cd "$(dirname "$0")/.."
# Another clone of the same sources finds what this one has compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
preset=$1
shift
[ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >/dev/null
if [ $# -eq 0 ]; then
  cmake --build --preset "$preset"
else
  cmake --build --preset "$preset" --target "$@"
fi
