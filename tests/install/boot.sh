#!/usr/bin/env bash
# Boots the systemd of a root directory in namespaces and a control group of its own, without network but loopback. Runs until it
# is killed; everything it mounted goes with it. Needs root and cgroup2.
#
# Usage: boot.sh ROOT GROUP
set -euo pipefail

root=$1 group=$2
mkdir -p "$group"
echo $$ >"$group/cgroup.procs"

# shellcheck disable=SC2016
exec unshare --mount --pid --uts --ipc --net --cgroup --fork -- bash -euc '
  root=$1
  mount --make-rprivate /
  mount --bind "$root" "$root"
  cd "$root"
  mount -t proc proc proc
  mount -t sysfs -o ro sysfs sys
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount -t tmpfs -o mode=755 tmpfs run
  mount -t tmpfs -o mode=1777 tmpfs tmp
  mount -t tmpfs -o mode=755 tmpfs dev
  for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
  done
  mkdir dev/pts dev/shm run/systemd
  mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
  mount -t tmpfs -o mode=1777 tmpfs dev/shm
  ln -s pts/ptmx dev/ptmx
  echo docker >run/systemd/container
  ip link set lo up
  hostname tga-test
  # A chroot would not do: in one nobody may make user namespaces, which units with PrivateUsers need.
  pivot_root . .
  umount -l .
  exec env -i container=docker PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --log-target=console --show-status=false
' boot "$root"
