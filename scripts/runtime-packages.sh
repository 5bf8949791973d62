#!/usr/bin/env bash
# runtime-packages.sh BINARY: the Debian packages with the shared libraries that it needs, one a line.
set -euo pipefail
ldd "$1" | awk '$2 == "=>" && $3 ~ "^/" {print $3}' | while read -r library; do
  # /lib is a link to /usr/lib, and dpkg knows a file by one of the two names.
  real=$(realpath "$library")
  owners=$(dpkg-query -S "$library" "$real" "${real#/usr}" 2>/dev/null || true)
  [ -n "$owners" ] || { echo "$0: no package has $library" >&2; exit 1; }
  head -n 1 <<<"$owners" | cut -d: -f1
done | sort -u
