#!/usr/bin/env bash
# fuzz.sh [SECONDS [TARGET...]]: runs the fuzz targets of build/fuzz, two side by side, SECONDS each (60); 0: their corpora
# only. What is found is printed, ready for tests/fuzz/corpus. Nothing is written into the repository.
# FUZZ_SEED (0: by chance) chooses the way: the same build goes the same way with the same seed.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(documents responses settings znodes records)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Inputs of up to 8 KB: what grows without bound does so with small ones too.
fuzz() {
  local target=$1 bounds=(-rss_limit_mb=2048 -malloc_limit_mb=256 -timeout=10 -max_len=8192)
  local length=(-dict=tests/fuzz/words.dict -seed="${FUZZ_SEED:-0}" -max_total_time="$seconds")
  [ "$seconds" -gt 0 ] || length=(-runs=0)
  mkdir -p "$folder/$target/new" "$folder/$target/bad"
  if "build/fuzz/tests/fuzz/fuzz_$target" "${bounds[@]}" "${length[@]}" -artifact_prefix="$folder/$target/bad/" \
      -print_final_stats=1 "$folder/$target/new" "tests/fuzz/corpus/$target" >"$folder/$target/log" 2>&1; then
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/$target/log") inputs," \
      "$(grep -o 'cov: [0-9]*' "$folder/$target/log" | tail -1)"
    return
  fi
  echo "$target: FAILED"
  tail -60 "$folder/$target/log"
  for input in "$folder/$target/bad"/*; do
    [ -f "$input" ] || continue
    echo "$target: base64 -d >tests/fuzz/corpus/$target/$(basename "$input") <<<'$(base64 -w0 "$input")'"
  done
  return 1
}

export -f fuzz
export folder seconds
printf '%s\n' "${targets[@]}" | xargs -P2 -I{} bash -c 'fuzz {}'
