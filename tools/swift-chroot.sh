#!/usr/bin/env bash
# A Swift toolchain for Linux in build/swift: Debian's own package, which Debian 12 does not have, in
# a small Debian 13 of its own. Root, about 1 minute and 3.3 GB. Done once; a broken try is begun anew.
#
#   tools/swift-chroot.sh                    make it
#   tools/swift-chroot.sh DIR swift test …   run a command in a copy of DIR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=${EDGECONV_SWIFT_ROOT:-$here/build/swift}
packages=(swiftlang swiftlang-dev libc6-dev libstdc++-14-dev)

mounted() { mountpoint -q "$root/proc"; }
# The last of several runs unmounts what all of them need.
leave() { if flock -n -x 9 && mounted; then umount "$root/proc"; fi; }

make_it() {
  if ! command -v debootstrap >/dev/null; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends debootstrap
  fi
  leave
  rm -rf "$root"
  mkdir -p "$root"
  debootstrap --variant=minbase trixie "$root" >"$root.log"
  cp /etc/resolv.conf "$root/etc/"
  mount -t proc proc "$root/proc"
  chroot "$root" apt-get install -y -qq --no-install-recommends "${packages[@]}" >>"$root.log"
  leave
  touch "$root/.installed"
}

if [ "$(id -u)" != 0 ]; then
  echo "tools/swift-chroot.sh needs root: debootstrap and chroot do" >&2
  exit 5
fi
exec 9>"$root.lock"
flock -s 9
trap leave EXIT
[ -e "$root/.installed" ] || make_it
[ $# -gt 0 ] || exit 0

folder=$(cd "$1" && pwd)
shift
inside=$root$folder # the same path as outside; what an earlier build left there makes this one quick
mkdir -p "$inside"
find "$inside" -mindepth 1 -maxdepth 1 ! -name .build -exec rm -rf {} +
find "$folder" -mindepth 1 -maxdepth 1 ! -name .build -exec cp -a -t "$inside" {} +
mounted || mount -t proc proc "$root/proc" || mounted
chroot "$root" env HOME=/root bash -c 'cd "$1" && shift && exec "$@"' - "$folder" "$@"
