#!/bin/bash
# The inside of a box: makes a root file system out of the machine's own and becomes systemd.
#
# Runs as the first process of new namespaces. D: directory for what is written; V2: not empty with cgroup v2;
# CONTROLLERS: of cgroup v1; BINDS: lines of `source target`.
set -euo pipefail
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/,upperdir=$D/upper,workdir=$D/work" "$D/root"
cd "$D/root"

mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
if [ -n "$V2" ]; then
    mount -t cgroup2 cgroup2 sys/fs/cgroup
else
    mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
    mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
    for controller in $CONTROLLERS; do
        mkdir "sys/fs/cgroup/$controller"
        mount -t cgroup -o "$controller" cgroup "sys/fs/cgroup/$controller"
    done
    mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
    mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
fi

mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755,dev tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s /proc/self/fd dev/fd
while read -r name major minor; do
    mknod -m 666 "dev/$name" c "$major" "$minor"
done <<DEVICES
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
fuse 10 229
DEVICES

while read -r source target; do
    [ -n "$source" ] || continue
    mkdir -p "./$target"
    mount --bind "$source" "./$target"
    mount -o remount,ro,bind "./$target"
done <<<"$BINDS"

# A machine of its own, with none of the services of the one that it is made of.
rm -rf etc/fstab etc/machine-id var/log/journal etc/systemd/system/*.wants
ln -sfn /dev/null etc/tmpfiles.d/tmp.conf
tr -d - </proc/sys/kernel/random/uuid >etc/machine-id
ln -sfn /usr/lib/systemd/system/basic.target etc/systemd/system/default.target
mkdir -p mnt/.machine
pivot_root . mnt/.machine
cd /
umount -l /mnt/.machine
mount --make-rshared / # as systemd does where it takes itself for no container
exec env -i container=box PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=console --log-level=warning
