#!/bin/busybox sh
# First program of the machine. Its root becomes the host's own root, read only, under a layer of radio programs and a
# memory disk: the workspace's programs find the libraries they were linked with. Then it hands over to `hwsim guest`.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
while read -r module || [ -n "$module" ]; do
    # Every case gets radios of its own, see air.rs.
    [ "$module" = mac80211_hwsim ] && continue
    $bb insmod "/modules/$module.ko" || echo "init: module $module does not load"
done < /modules/order

share() { # NAME PLACE OPTIONS
    $bb mkdir -p "$2"
    $bb mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2" || echo "init: no folder $1"
}
share host /lower/host ro,cache=loose
share layer /lower/layer ro,cache=loose
$bb mkdir -p /upper
$bb mount -t tmpfs -o size=50% memory /upper
$bb mkdir /upper/data /upper/work
$bb mount -t overlay -o lowerdir=/lower/layer:/lower/host,upperdir=/upper/data,workdir=/upper/work root /new
share programs /new/porthole/programs ro,cache=loose
share results /new/porthole/results cache=none
$bb mkdir /new/porthole/modules
$bb cp /modules/mac80211_hwsim.ko /new/porthole/modules/
for place in /run /tmp; do $bb mount -t tmpfs memory /new$place; done
$bb mkdir -p /run/dbus /run/netns
for place in /proc /sys /dev; do $bb mount --move $place /new$place; done
$bb chroot /new /bin/sh -c '
    mkdir -p /dev/pts /dev/shm /run/dbus
    mount -t devpts devpts /dev/pts
    mount -t tmpfs memory /dev/shm
    ln -sf /proc/self/fd /dev/fd
    ip link set lo up
    /porthole/programs/hwsim guest
    echo "init: guest ended with $?"
    echo o > /proc/sysrq-trigger'
while :; do :; done
