# shellcheck shell=bash disable=SC2154
# Upgrading an installation with a way back. Sourced by system.sh.
#
# An upgrade migrates a copy and swaps it in. Whatever fails, or a power cut in between, ends with the version and the data of
# before. How far it came stands in a file that is replaced as a whole, and is on the disk before the next step begins:
#
#   copying   the data is untouched
#   out       items of the data move, one by one, into `old`
#   in        all of before is in `old`; what lies in the data is the new version's
#   look      the new version is in place and may have taken requests
#
# Going back writes the same stages in the other direction, so it may be cut off too. From `out` until the data is whole again a
# file `moving` keeps the service (by its unit) and every command from opening what is only a part.

# While an upgrade runs: the copy, what was there before, and how far it came.
UPGRADE=$STATE/.upgrade

# What belongs to a version of the data: everything but what is large and the same in all. In order, so that a database moves
# before its logs, and nothing is listed twice while it moves.
state_items() {
  find "$STATE" -mindepth 1 -maxdepth 1 ! -name models ! -name backups ! -name '.upgrade*' ! -name tga.sock -printf '%f\n' |
    LC_ALL=C sort
}

# items_in DIR
items_in() { find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort; }

# items_move FROM TO: the items named on stdin; renames within one file system.
items_move() {
  local item
  while read -r item; do mv -T "$1/$item" "$2/$item" || return 1; done
}

# stage_put STAGE: everything before it is on the disk first.
stage_put() {
  echo "$1" >"$UPGRADE/stage.new" || return 1
  sync -f "$UPGRADE" || return 1
  mv -T "$UPGRADE/stage.new" "$UPGRADE/stage" || return 1
  sync -f "$UPGRADE"
}

# stage_get: `none` without an upgrade. What cannot be believed ends everything before anything is deleted.
stage_get() {
  local stage='' old=''
  if [ ! -e "$UPGRADE" ]; then
    echo none
    return 0
  fi
  [ ! -e "$UPGRADE/stage" ] || stage=$(cat "$UPGRADE/stage")
  [ ! -e "$UPGRADE/old" ] || old=$(items_in "$UPGRADE/old")
  # Cut off before the first stage was written.
  if [ -z "$stage$old" ]; then stage=copying; fi
  case $stage in
    copying | out) ;;
    in | look) [ -e "$UPGRADE/old/control.db" ] || stage='' ;;
    *) stage='' ;;
  esac
  [ -n "$stage" ] || fail "$UPGRADE is damaged: it does not say how far an upgrade came. Nothing was changed. The data of before lies in
         $UPGRADE/old and $STATE; backups in $STATE/backups"
  echo "$stage"
}

# An upgrade is over in one step; what it kept is GBs and may take a while to delete.
upgrade_forget() {
  rm -rf "$UPGRADE.done"
  mv -T "$UPGRADE" "$UPGRADE.done"
  sync -f "$STATE"
  rm -rf "$UPGRADE.done"
}

# With --upgrade: and then the settings that were given, once the new version stands.
system_upgrade_asked() {
  need_root
  settings_check
  system_upgrade
  if ! settings_given; then return 0; fi
  step "Settings"
  config_place
  system_apply
}

system_upgrade() {
  need_root
  is_installed || fail "nothing is installed here; run sudo ./install.sh"
  upgrade_recover
  [ -n "${new_binary:-}" ] || binary_find
  local old_version new_version
  old_version=$("$BIN" --version) new_version=$("$new_binary" --version)
  step "Upgrade from $old_version to $new_version"
  "$new_binary" --config "$CONF" config check || fail "the new version does not take this configuration; nothing was changed"
  if "$BIN" backup create --help >/dev/null 2>&1; then
    step "Backup"
    tga backup create || fail "no backup could be made; nothing was changed"
  fi
  local needed free
  needed=$(state_items | (cd "$STATE" && xargs -r -d '\n' du -sck) | tail -n 1 | cut -f 1)
  free=$(df -Pk "$STATE" | awk 'NR == 2 { print $4 }')
  [ "$free" -gt $((needed + needed / 10 + 65536)) ] || fail "the copy needs $((needed / 1024)) MB, and $((free / 1024)) are free; nothing was changed"
  # Whatever ends this script from here on (a full disk, Ctrl-C) ends with the service running again.
  trap 'upgrade_rollback "it was interrupted"' EXIT
  upgrade_copy
  upgrade_swap
  step "Start and look"
  if ! service_start; then
    service_log
    upgrade_rollback "the new version did not become ready"
  fi
  trap - EXIT
  upgrade_forget
  step "Upgraded: $new_version runs and is well"
  note "the version before is kept in $LIB/previous"
}

upgrade_copy() {
  step "Copy and migration"
  service_stop
  install -d -m 700 -o "$SERVICE_USER" -g "$SERVICE_USER" "$UPGRADE" "$UPGRADE/new" "$UPGRADE/old"
  stage_put copying
  local item
  if ! { state_items | while read -r item; do cp -a --reflink=auto "$STATE/$item" "$UPGRADE/new/" || exit 1; done; } ||
    ! "$new_binary" --config "$CONF" --data-dir "$UPGRADE/new" migrate up >&2; then
    upgrade_rollback "the copy could not be migrated"
  fi
  install -d -m 755 "$LIB/previous"
  cp -a "$BIN" "$LIB/previous/tga"
  local unit
  for unit in tga.service tga.socket; do
    rm -f "$LIB/previous/$unit"
    if [ -e "$UNIT_DIR/$unit" ]; then cp -a "$UNIT_DIR/$unit" "$LIB/previous/$unit"; fi
  done
  sync -f "$LIB/previous"
}

upgrade_swap() {
  step "Swap"
  touch "$UPGRADE/moving"
  stage_put out
  state_items | items_move "$STATE" "$UPGRADE/old" || upgrade_rollback "the data could not be moved"
  stage_put in
  items_in "$UPGRADE/new" | items_move "$UPGRADE/new" "$STATE" || upgrade_rollback "the data could not be moved"
  binary_place "$new_binary"
  units_place
  stage_put look
  rm -f "$UPGRADE/moving"
}

# upgrade_rollback REASON: everything as before, then the failure.
upgrade_rollback() {
  trap - EXIT
  # Going back is not to be interrupted as well.
  trap '' INT TERM HUP
  step "Going back: $1"
  upgrade_undo
  if service_start; then
    fail "$1; the version and the data of before run again: $("$BIN" --version)"
  fi
  service_log
  fail "$1; version and data of before are in place again and do not become ready, see above"
}

# Undoes an upgrade from whatever point it reached, also one whose undoing was cut off.
upgrade_undo() {
  local stage item
  stage=$(stage_get) || exit 1
  service_stop
  case $stage in none) return 0 ;; out | in | look) touch "$UPGRADE/moving" ;; esac
  if [ "$stage" = look ]; then
    stage_put in
    stage=in
  fi
  if [ "$stage" = in ]; then
    # Everything of before is in old, so what lies here is the new version's.
    state_items | while read -r item; do rm -rf "${STATE:?}/$item"; done
    # Said before the first item comes back: what then lies here is the only one of its kind.
    stage_put out
    stage=out
  fi
  if [ "$stage" = out ]; then
    # Somebody may have run an older tga meanwhile, which made what it missed: that gives way, with the logs of such databases.
    # A log without its database is one of before that was not moved yet.
    items_in "$UPGRADE/old" | while read -r item; do
      [ ! -e "$STATE/$item" ] || rm -rf "${STATE:?}/$item" "${STATE:?}/$item-wal" "${STATE:?}/$item-shm"
    done
    items_in "$UPGRADE/old" | items_move "$UPGRADE/old" "$STATE"
    binary_place "$LIB/previous/tga"
    if has_systemd; then
      local unit
      for unit in tga.service tga.socket; do
        if [ -e "$LIB/previous/$unit" ]; then install -m 644 "$LIB/previous/$unit" "$UNIT_DIR/$unit"; fi
      done
      systemctl daemon-reload
    fi
  fi
  upgrade_forget
}

# Ends an upgrade that was cut off: a power cut, a closed terminal. One that had come to its end stands, because its version may have
# taken posts since; every other is undone.
upgrade_settle() {
  local stage
  rm -rf "$UPGRADE.done"
  stage=$(stage_get) || exit 1
  case $stage in
    none) return 0 ;;
    look)
      rm -f "$UPGRADE/moving"
      step "An upgrade was cut off at its end; looking whether its version is well"
      if service_start; then
        upgrade_forget
        return 0
      fi
      service_log
      ;;
  esac
  step "An upgrade was cut off here; going back to the version before it"
  upgrade_undo
}

# The same, and the service runs again whatever comes after.
upgrade_recover() {
  [ -e "$UPGRADE" ] || [ -e "$UPGRADE.done" ] || return 0
  local cut=no
  [ ! -e "$UPGRADE" ] || cut=yes
  upgrade_settle
  if [ "$cut" = yes ] && ! service_running && ! service_start; then
    service_log
    note "the version of before does not become ready; going on"
  fi
}
