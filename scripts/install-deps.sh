#!/usr/bin/env bash
# install-deps.sh [--build-only]: installs what kferry needs to be built and tested (or only built) on Debian 12.
# Needs root (or sudo) only when something is missing; says what it does.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache pkg-config
  libboost1.81-dev libboost-program-options1.81-dev
  libzookeeper-mt-dev librdkafka-dev nlohmann-json3-dev
  libspdlog-dev libfmt-dev libyaml-cpp-dev libssl-dev libcurl4-openssl-dev
  libkrb5-dev libsasl2-dev libsasl2-modules libsasl2-modules-gssapi-mit
  zlib1g-dev libsnappy-dev liblz4-dev libzstd-dev libisal-dev
)
test_packages=(
  prometheus-cpp-dev libgtest-dev libvalijson-dev openssl unzip git ca-certificates
  chromium  # the test of the status page looks at it
  openjdk-17-jdk-headless maven
  krb5-kdc krb5-admin-server krb5-user
  python3 python3-kazoo python3-kafka
  clang-19 libclang-rt-19-dev  # libFuzzer; clang before 16 cannot compile libstdc++'s std::expected
)

# For kafka-node, which only the soaks run. Other builds of Node bring their own npm.
if [ -n "${KFERRY_SOAK:-}" ] && ! command -v npm >/dev/null; then
  test_packages+=(nodejs npm)
fi

case "${1:-}" in
  --build-only) ;;
  "") packages+=("${test_packages[@]}") ;;
  *) echo "usage: scripts/install-deps.sh [--build-only]" >&2; exit 2 ;;
esac

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "Please run as root: these packages are missing: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
