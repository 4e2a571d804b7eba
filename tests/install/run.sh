#!/usr/bin/env bash
# The life of an installation in a clean Debian with a systemd of its own: install, serve, restart, upgrade, upgrades that fail in
# three ways, a power cut in an upgrade, removal. Then install and removal once more without systemd.
#
# Usage: run.sh BINARY [PREVIOUS_BINARY]; the previous one is what is installed first. Needs root, debootstrap and cgroup2, and says
# so where it lacks one. The Debian is made once and kept in target/rootfs.tar. TGA_TEST_MODEL names a search model to install too;
# TGA_CUTS at which of its steps an upgrade is killed, "$(seq 99)" for all.
set -euo pipefail
umask 022

root_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
new=$(readlink -f "${1:?name the binary to test}")
old=$(readlink -f "${2:-$new}")
group=/sys/fs/cgroup/tga-test-$$
[ -d /sys/fs/cgroup/unified ] && group=/sys/fs/cgroup/unified/tga-test-$$
tar=$root_dir/target/rootfs.tar
cuts=${TGA_CUTS:-4 9 14 19 24 29 34 39}
work='' boot='' init=''

say() { printf '    %s\n' "$*" >&2; }
skip() {
  say "installation: $*; left out"
  exit 0
}
wrong() {
  inside journalctl -u tga.service -n 20 --no-pager >&2 2>/dev/null || true
  say "installation: WRONG: $*"
  exit 1
}

[ "$(id -u)" -eq 0 ] || skip "needs root"
for tool in debootstrap unshare nsenter; do command -v "$tool" >/dev/null || skip "needs $tool"; done
grep -qw cgroup2 /proc/filesystems || skip "needs cgroup2"

# A cut-off debootstrap leaves no archive.
rootfs_make() {
  [ -s "$tar" ] && return
  say "making a Debian (once)"
  local dir=$work/debian
  debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates bookworm "$dir" \
    http://deb.debian.org/debian >"$work/debootstrap.log" 2>&1 || {
    tail -n 3 "$work/debootstrap.log" >&2
    skip "debootstrap cannot fetch Debian"
  }
  rm -rf "$dir"/var/cache/apt/* "$dir"/var/lib/apt/lists/*
  tar -C "$dir" -cf "$tar.part" .
  mv "$tar.part" "$tar"
  rm -rf "$dir"
}

inside() {
  nsenter --target "$init" --all --root --wd env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    TGA_READY_S="${READY_S:-60}" LC_ALL=C.UTF-8 "$@"
}

cleanup() {
  [ -z "$init" ] || kill -9 "$init" 2>/dev/null || true
  [ -z "$boot" ] || wait "$boot" 2>/dev/null || true
  # Whatever a cut-off debootstrap left mounted.
  [ -z "$work" ] || { umount --recursive --lazy "$work"/debian/* 2>/dev/null || true; }
  [ -z "$work" ] || rm -rf --one-file-system "$work" || true
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    [ -e "$group" ] || break
    sleep 0.2
  done
}
trap cleanup EXIT

system_boot() {
  "$root_dir/tests/install/boot.sh" "$work/root" "$group" >"$work/boot.log" 2>&1 </dev/null &
  boot=$!
  for _ in $(seq 1 100); do
    init=$(pgrep -P "$boot" || true)
    if [ -n "$init" ] && [[ $(inside systemctl is-system-running 2>/dev/null) =~ running|degraded ]]; then return; fi
    kill -0 "$boot" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 5 "$work/boot.log" >&2
  skip "systemd does not boot in a namespace here"
}

# Everything on the disk but what a running system writes by itself.
listing() {
  (cd "$work/root" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp -o -path ./opt \
    -o -path ./var/log/journal -o -path ./var/lib/systemd -o -path ./var/cache \) -prune -o -printf '%p %y %U:%G %m\n' |
    grep -v -E '^\./(etc/(passwd|group|shadow|gshadow|subuid|subgid)-? |etc/machine-id |etc|var/log|var|root) ?' | sort)
}
users() { cut -d : -f 1 "$work/root/etc/passwd" | sort; }

# By an administrator whose files are private by default: what others need has to be open to them all the same.
install_sh() { (umask 077 && inside /opt/src/install.sh "$@") >"$work/out" 2>&1; }
# The same, until the call of mv, rm, install or cp that /opt/cut/when describes; what happens to it then stands in /opt/cut/do.
install_sh_cut() {
  printf '%s\n' "$1" >"$work/root/opt/cut/when"
  printf '%s\n' "$2" >"$work/root/opt/cut/do"
  : >"$work/root/opt/cut/count"
  inside env PATH=/opt/cut:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TGA_READY_S=8 \
    setsid --wait /opt/src/install.sh --model none --yes "${@:3}" >"$work/out" 2>&1
}
found() { [[ $(inside tga search "$1" --tenant main --mode fulltext --json) == *'"message_id": 7'* ]]; }
running() { [[ $(inside tga status --json) == *'"running": true'* ]]; }
active() { inside systemctl is-active --quiet tga.service; }
property() { inside systemctl show tga.service --property "$1" --value; }

# A program that is not as it should be in one way, and the real one in all others.
broken_make() {
  cat >"$work/root/opt/broken-$1" <<SCRIPT
#!/bin/sh
for word in "\$@"; do
  case \$word in
    $1) $2 ;;
  esac
done
exec /opt/new "\$@"
SCRIPT
  chmod 755 "$work/root/opt/broken-$1"
}

prepare() {
  local name
  mkdir "$work/root"
  tar -C "$work/root" -xf "$tar"
  mkdir -p "$work/root/opt/src"
  cp -a "$root_dir"/{install.sh,systemd,Cargo.toml} "$work/root/opt/src/"
  cp "$new" "$work/root/opt/new"
  cp "$old" "$work/root/opt/old"
  [ ! -f "${TGA_TEST_MODEL:-}" ] || cp "$TGA_TEST_MODEL" "$work/root/opt/model.whl"
  mkdir "$work/root/opt/cut"
  cat >"$work/root/opt/cut/mv" <<'SCRIPT'
#!/bin/sh
# A file that is being deleted when the power goes is half deleted.
half() {
  for last; do :; done
  [ -d "$last" ] && find "$last" -mindepth 1 -maxdepth 1 | sort | head -n 1 | xargs -r /bin/rm -rf
}
name=${0##*/}
echo >>/opt/cut/count
when=$(cat /opt/cut/when)
case "$(wc -l </opt/cut/count) $name $*" in
  $when)
    [ "$name" != rm ] || half "$@"
    echo "cut: $name $*"
    eval "$(cat /opt/cut/do)"
    ;;
esac
exec "/bin/$name" "$@"
SCRIPT
  chmod 755 "$work/root/opt/cut/mv"
  for name in rm cp install; do ln -s mv "$work/root/opt/cut/$name"; done
  printf '%s\n' '{"channel":"news","message_id":7,"date":"2026-11-20T10:00:00Z","text":"Ледокол вышел из порта Мурманск"}' \
    >"$work/root/root/posts.jsonl"
  broken_make serve 'echo "the new version cannot serve" >&2; exit 3'
  broken_make migrate 'echo "the new version cannot migrate" >&2; exit 3'
  # As good as the real one, and another.
  broken_make nothing :
  mv "$work/root/opt/broken-nothing" "$work/root/opt/other"
  # Migrates the copy, then says nothing when it is started.
  sed 's/serve) .*;;/serve) exec sleep 600 ;;/' "$work/root/opt/broken-serve" >"$work/root/opt/broken-silent"
  chmod 755 "$work/root/opt/broken-silent"
}

installs() {
  install_sh --binary /opt/old --model none --yes || { cat "$work/out" >&2; wrong "it does not install"; }
  grep -q 'tga_' "$work/out" || wrong "the first token is not shown"
  active || wrong "the service does not run"
  [ "$(property Type)" = notify ] || wrong "the unit is not of type notify"
  [ "$(stat -c '%U %a' "$work/root/var/lib/telegram-assistant" | cut -d ' ' -f 2)" = 700 ] || wrong "the data is open to others"
  local owner
  owner=$(inside stat -c '%U:%G %a' /etc/telegram-assistant/appliance.toml)
  [ "$owner" = 'root:tga 640' ] || wrong "the configuration is $owner"
  [ "$(inside stat -c %U /proc/"$(property MainPID)")" = tga ] || wrong "the service does not run as tga"
  inside tga import /root/posts.jsonl --tenant main --wait >"$work/out" 2>&1 || { cat "$work/out" >&2; wrong "root cannot import a file of its home"; }
  found Ледокол || wrong "an imported post is not found"
  inside tga export --tenant main --format jsonl /root/out.jsonl >/dev/null || wrong "root cannot export to its home"
  grep -q Ледокол "$work/root/root/out.jsonl" || wrong "the export is empty"
  running || wrong "status does not see the service"
  [[ $(property StatusText) == serving* ]] || wrong "systemd is not told how it goes"
  [[ $(inside journalctl -u tga.service -p err -n 1 --no-pager) == *'No entries'* ]] || wrong "there are errors in the journal"
  local pid
  pid=$(property MainPID)
  install_sh --binary /opt/old --model none --yes || wrong "it does not install a second time"
  grep -q 'tga_' "$work/out" && wrong "a second run makes another token"
  install_sh --check || { cat "$work/out" >&2; wrong "--check finds something wrong"; }
  say "installs, serves, twice the same; process $pid"
}

restarts() {
  local pid restarts
  pid=$(property MainPID) restarts=$(property NRestarts)
  inside bash -c "kill -KILL $pid"
  for _ in $(seq 1 100); do
    if [ "$(property NRestarts)" -gt "$restarts" ] && active && running && found Ледокол 2>/dev/null; then
      say "comes back after kill -9"
      return
    fi
    sleep 0.2
  done
  wrong "it does not come back after kill -9"
}

# A service that hangs is ended and started anew by the watchdog.
watchdog() {
  local pid restarts
  inside mkdir -p /run/systemd/system/tga.service.d
  printf '[Service]\nWatchdogSec=4\n' >"$work/watchdog.conf"
  inside sh -c 'cat >/run/systemd/system/tga.service.d/test.conf' <"$work/watchdog.conf"
  inside systemctl daemon-reload
  inside systemctl restart tga.service
  pid=$(property MainPID)
  sleep 9
  [ "$(property MainPID)" = "$pid" ] || wrong "a healthy service was ended by the watchdog"
  restarts=$(property NRestarts)
  inside bash -c "kill -STOP $pid"
  for _ in $(seq 1 150); do
    if [ "$(property NRestarts)" -gt "$restarts" ] && active; then
      inside rm -r /run/systemd/system/tga.service.d
      inside systemctl daemon-reload
      inside systemctl restart tga.service
      say "a stopped process is started anew by the watchdog"
      return
    fi
    sleep 0.2
  done
  wrong "the watchdog does not end a process that stands still"
}

# A name: systemd opens the ports, plain HTTP leads to HTTPS, and without an authority the rest is well all the same.
named() {
  local answer
  # Another version and a setting at once.
  install_sh --binary /opt/other --model none --yes --domain tga.example.org --contact me@example.org ||
    { cat "$work/out" >&2; wrong "it does not take a name"; }
  [ "$(inside systemctl show tga.socket --property ActiveState --value)" = active ] || wrong "the socket unit is not active"
  answer=$(inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/80; printf "GET /a?b=1 HTTP/1.0\r\nHost: x\r\n\r\n" >&3; cat <&3')
  grep -qi 'location: https://tga.example.org/a?b=1' <<<"$answer" || wrong "plain HTTP does not lead to HTTPS: $answer"
  inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/443' || wrong "nothing listens on 443"
  inside tga doctor >"$work/out" && wrong "doctor finds nothing wrong without a certificate"
  if ! grep -q 'why: ' "$work/out" || ! grep -q '^PROBLEM  name: ' "$work/out"; then
    cat "$work/out" >&2
    wrong "doctor does not explain the name"
  fi
  say "takes a name: ports by a socket unit, the way to HTTPS, doctor says what is missing"
}

upgrades() {
  local conf="$work/root/etc/telegram-assistant"
  # What cannot be right is refused before anything is touched.
  install_sh --upgrade --binary /opt/new --model none --yes --api-id 12345 && wrong "it takes an api_id without its hash"
  cmp -s "$work/root/opt/old" "$work/root/usr/local/bin/tga" || wrong "a refused upgrade changed the binary"
  printf '0123456789abcdef0123456789abcdef' >"$work/root/root/hash"
  install_sh --upgrade --binary /opt/new --model none --yes --api-id 12345 --api-hash-file /root/hash ||
    { cat "$work/out" >&2; wrong "it does not upgrade"; }
  grep -q '^api_id = 12345' "$conf/appliance.toml" || wrong "a setting given with --upgrade is not applied"
  cmp -s "$work/root/root/hash" "$conf/telegram-api-hash" || wrong "a secret given with --upgrade is not taken"
  active || wrong "the service does not run after the upgrade"
  found Ледокол || wrong "a post is lost in the upgrade"
  cmp -s "$work/root/opt/new" "$work/root/usr/local/bin/tga" || wrong "the new binary is not in place"
  [ ! -e "$work/root/var/lib/telegram-assistant/.upgrade" ] || wrong "the upgrade left its copy"
  say "upgrades"
}

upgrade_fails() {
  local kind
  for kind in migrate serve silent; do
    if READY_S=8 install_sh --upgrade --binary "/opt/broken-$kind" --model none --yes; then
      cat "$work/out" >&2
      wrong "an upgrade to a version that is broken ($kind) succeeds"
    fi
    grep -q 'of before run' "$work/out" || { cat "$work/out" >&2; wrong "it does not say that it went back ($kind)"; }
    active || wrong "the service does not run after a failed upgrade ($kind)"
    found Ледокол || wrong "a post is lost in a failed upgrade ($kind)"
    cmp -s "$work/root/opt/new" "$work/root/usr/local/bin/tga" || wrong "the binary of before is not in place ($kind)"
    [ ! -e "$work/root/var/lib/telegram-assistant/.upgrade" ] || wrong "the failed upgrade left its copy ($kind)"
  done
  say "goes back from upgrades that fail to migrate, to serve, to say anything"
}

# Root names files that only root can read, and no service is there to take a command.
alone() {
  inside systemctl stop tga.service
  printf '%s\n' '{"channel":"news","message_id":8,"date":"2026-11-20T11:00:00Z","text":"Атомоход встретил караван"}' \
    >"$work/root/root/more.jsonl"
  chmod 600 "$work/root/root/more.jsonl"
  inside tga import /root/more.jsonl --tenant main --wait >"$work/out" 2>&1 ||
    { cat "$work/out" >&2; wrong "root cannot import without a service"; }
  inside tga export --tenant main --format jsonl /root/more.out >"$work/out" 2>&1 ||
    { cat "$work/out" >&2; wrong "root cannot export without a service"; }
  grep -q Атомоход "$work/root/root/more.out" || wrong "the export without a service is empty"
  inside rm /root/more.jsonl /root/more.out
  inside systemctl start tga.service
  found Ледокол || wrong "the service does not find what was there"
  say "takes commands of root without a service"
}

whole_again() {
  active || wrong "the service does not run after an upgrade that was cut off ($1)"
  found Ледокол || wrong "a post is lost in an upgrade that was cut off ($1)"
  cmp -s "$work/root/opt/$2" "$work/root/usr/local/bin/tga" || wrong "the wrong binary is in place after a cut ($1)"
  [ -z "$(find "$state" -maxdepth 1 -name '.upgrade*')" ] || wrong "an upgrade that was cut off left something ($1)"
}

# A power cut at some step of an upgrade that fails, so also on its way back; the machine comes up again, and the next run is cut off
# as well.
upgrade_cuts() {
  local at code cut
  for at in $cuts; do
    code=0
    install_sh_cut "$at *" 'kill -9 0' --upgrade --binary /opt/broken-serve || code=$?
    [ "$code" = 137 ] || break
    cut="$at: $(tail -n 1 "$work/out")"
    inside systemctl start tga.service >/dev/null 2>&1 || true
    if [ -e "$state/.upgrade/moving" ]; then
      active && wrong "the service runs on a part of its data ($cut)"
      inside tga tenant list >/dev/null 2>&1 && wrong "a command opens a part of the data ($cut)"
      install_sh --check && wrong "--check does not see an upgrade that was cut off ($cut)"
    fi
    install_sh_cut "$((at * 7 % 13 + 1)) *" 'kill -9 0' --binary /opt/new || true
    cut="$cut; $(tail -n 1 "$work/out")"
    install_sh --binary /opt/new --model none --yes || { cat "$work/out" >&2; wrong "it does not recover ($cut)"; }
    whole_again "$cut" new
  done
  # At its very end: what the new version took since stays.
  install_sh_cut '*.upgrade.done' 'kill -9 0' --upgrade --binary /opt/other && wrong "an upgrade is not cut off at its end"
  install_sh --binary /opt/other --model none --yes || { cat "$work/out" >&2; wrong "it does not end an upgrade that came through"; }
  whole_again "at its end" other
  inside cp -a /opt/new /usr/local/bin/tga.new
  inside mv /usr/local/bin/tga.new /usr/local/bin/tga
  inside systemctl restart tga.service
  # A stage that cannot be read is no reason to delete anything.
  mkdir -p "$state/.upgrade/old/tenants"
  : >"$state/.upgrade/stage"
  install_sh --binary /opt/new --model none --yes && wrong "it goes on with a damaged upgrade"
  grep -q 'Nothing was changed' "$work/out" || { cat "$work/out" >&2; wrong "it does not say that an upgrade is damaged"; }
  if [ ! -e "$state/.upgrade/old/tenants" ] || ! found Ледокол; then wrong "it changed something of a damaged upgrade"; fi
  rm -r "$state/.upgrade"
  say "recovers from an upgrade that was cut off, at each step; steps: $cuts"
}

# What fails or is stopped between the stages: the service runs again at once, with nobody's help.
upgrade_interrupted() {
  local what
  for what in 'exit 1' 'kill -TERM 0'; do
    install_sh_cut '*install -m 755 /opt/other /usr/local/bin/tga.new' "rm -f /opt/cut/when; $what" --upgrade --binary /opt/other &&
      wrong "an upgrade that was interrupted succeeds ($what)"
    # Who is stopped by a signal ends a little later than the one that waits for it.
    for _ in $(seq 1 100); do
      ! grep -q 'of before run' "$work/out" || break
      sleep 0.2
    done
    grep -q 'of before run' "$work/out" || { cat "$work/out" >&2; wrong "it does not go back when it is interrupted ($what)"; }
    whole_again "$what" new
  done
  say "goes back when it is interrupted"
}

removes() {
  install_sh --uninstall || wrong "it does not uninstall"
  [ ! -e "$work/root/usr/local/bin/tga" ] || wrong "the binary stays"
  [ -e "$work/root/var/lib/telegram-assistant/control.db" ] || wrong "uninstalling took the data without --purge"
  install_sh --binary /opt/new --model none --yes || { cat "$work/out" >&2; wrong "it does not install on kept data"; }
  found Ледокол || wrong "kept data is not used"
  install_sh --uninstall --purge || wrong "it does not purge"
  inside rm -f /root/posts.jsonl /root/out.jsonl
  diff <(printf '%s\n' "$listing_before") <(listing) >"$work/diff" || { cat "$work/diff" >&2; wrong "something is left behind"; }
  diff <(printf '%s\n' "$users_before") <(users) || wrong "the user is left behind"
  say "leaves nothing behind"
}

without_systemd() {
  local pid model=none
  [ ! -e "$work/root/opt/model.whl" ] || model=/opt/model.whl
  # A number from before a container was started again, somebody else's now.
  inside sh -c 'sleep 1000 >/dev/null 2>&1 </dev/null & echo $! >/run/tga.pid'
  pid=$(inside cat /run/tga.pid)
  install_sh --no-systemd --binary /opt/new --model "$model" --yes || { cat "$work/out" >&2; wrong "it does not install without systemd"; }
  grep -q 'tga_' "$work/out" || wrong "the first token is not shown without systemd"
  running || wrong "without systemd the service does not run"
  inside bash -c "kill $pid" || wrong "it ended a process that is not its own"
  if [ "$model" != none ]; then
    [ -n "$(find "$state/models" -type f -size +1M)" ] || { cat "$work/out" >&2; wrong "a fresh installation has no search model"; }
    say "installs the search model"
  fi
  pid=$(inside cat /run/tga.pid)
  echo 0123456789abcdef0123456789abcdef >"$work/root/opt/hash"
  install_sh --no-systemd --binary /opt/new --model none --yes --api-id 12345 --api-hash-file /opt/hash ||
    { cat "$work/out" >&2; wrong "without systemd it does not take a setting"; }
  running || wrong "without systemd the service does not run with a new setting"
  [ "$(inside cat /run/tga.pid)" != "$pid" ] || wrong "without systemd a new setting does not reach the service"
  if READY_S=8 install_sh --no-systemd --upgrade --binary /opt/broken-serve --model none --yes; then wrong "a broken upgrade succeeds without systemd"; fi
  running || wrong "without systemd it does not go back"
  install_sh --no-systemd --uninstall --purge || wrong "it does not purge without systemd"
  diff <(printf '%s\n' "$listing_before") <(listing) >"$work/diff" || { cat "$work/diff" >&2; wrong "something is left behind without systemd"; }
  say "the same without systemd"
}

mkdir -p "$root_dir/target"
work=$(mktemp -d "$root_dir/target/install-test.XXXXXX")
state=$work/root/var/lib/telegram-assistant
started=$SECONDS
rootfs_make
prepare
system_boot
inside rm -f /root/posts.jsonl.none
posts=$(cat "$work/root/root/posts.jsonl")
rm "$work/root/root/posts.jsonl"
listing_before=$(listing) users_before=$(users)
printf '%s\n' "$posts" >"$work/root/root/posts.jsonl"
installs
restarts
watchdog
upgrades
alone
upgrade_fails
upgrade_cuts
upgrade_interrupted
named
removes
without_systemd
say "the life of an installation: $((SECONDS - started)) s"
