#!/usr/bin/env bash
# Installs the load generators that bench.ts compares with, and the nginx they all aim at, into bench/.peers.
# Each step stands alone: a peer that cannot be installed is reported, and bench.ts leaves it out of its table.
# Usage: bench/install-peers.sh [--with-oha] [name...]     (no name: all; oha takes minutes to compile)
set -u

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
peers="$here/.peers"
mkdir -p "$peers/bin"
log="$peers/install.log"
: >"$log"

with_oha=0
names=()
for argument in "$@"; do
  case "$argument" in
    --with-oha) with_oha=1 ;;
    -h | --help) sed -n '2,4p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) names+=("$argument") ;;
  esac
done

# Compilers stay in the background of whatever else this machine does.
export GOMAXPROCS="${GOMAXPROCS:-1}"
quietly() { nice -n 19 "$@" >>"$log" 2>&1; }

wanted() {
  [ ${#names[@]} -eq 0 ] && return 0
  local name
  for name in "${names[@]}"; do [ "$name" = "$1" ] && return 0; done
  return 1
}

has() { [ -x "$peers/bin/$1" ] || command -v "$1" >/dev/null 2>&1; }

ok=()
missing=()
# step NAME INSTALL_FUNCTION: runs the function unless NAME is there already, and notes how it went.
step() {
  wanted "$1" || return 0
  if has "$1"; then ok+=("$1 (already there)"); return 0; fi
  echo "installing $1 ..."
  if "$2" "$1" && has "$1"; then ok+=("$1"); else missing+=("$1"); fi
}

apt_updated=0
debian() {
  command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ] || { echo "needs apt-get and root" >>"$log"; return 1; }
  if [ "$apt_updated" = 0 ]; then quietly apt-get update; apt_updated=1; fi
  local package="$1"
  [ "$1" = nginx ] && package=nginx-light
  DEBIAN_FRONTEND=noninteractive quietly apt-get install -y --no-install-recommends "$package"
}

# Go modules, newest first where a major version moved.
go_tool() {
  command -v go >/dev/null 2>&1 || { echo "needs go" >>"$log"; return 1; }
  local module
  case "$1" in
    hey) set -- github.com/rakyll/hey ;;
    k6) set -- go.k6.io/k6/v2 go.k6.io/k6 ;;
  esac
  for module in "$@"; do
    GOBIN="$peers/bin" quietly go install "$module@latest" && return 0
  done
  return 1
}

npm_tool() {
  command -v npm >/dev/null 2>&1 || { echo "needs npm" >>"$log"; return 1; }
  quietly npm install --prefix "$peers/node" --no-audit --no-fund "$1" &&
    ln -sf "../node/node_modules/.bin/$1" "$peers/bin/$1"
}

python_tool() {
  command -v python3 >/dev/null 2>&1 || { echo "needs python3" >>"$log"; return 1; }
  quietly python3 -m venv "$peers/python" &&
    quietly "$peers/python/bin/pip" install --disable-pip-version-check "$1" &&
    ln -sf "../python/bin/$1" "$peers/bin/$1"
}

cargo_tool() {
  command -v cargo >/dev/null 2>&1 || { echo "needs cargo" >>"$log"; return 1; }
  quietly cargo install --locked --jobs 1 --root "$peers/cargo" "$1" && ln -sf "../cargo/bin/$1" "$peers/bin/$1"
}

step nginx debian
step wrk debian
step hey go_tool
step k6 go_tool
step autocannon npm_tool
step locust python_tool
if [ "$with_oha" = 1 ] || { [ ${#names[@]} -gt 0 ] && wanted oha; }; then step oha cargo_tool; fi

echo "there: ${ok[*]:-none}"
if [ ${#missing[@]} -gt 0 ]; then
  echo "not installed, left out of the bench: ${missing[*]} (why: $log)"
fi
exit 0
