#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Disks that are full, fail, turn read-only or hang, with a real kernel; see disk_faults.py. What the machine allows
# decides how: a small ext4 image (root), else a small tmpfs (user namespaces), and always a limit on the size of a file,
# which needs no rights at all.
if [ -z "${IN_NAMESPACE:-}" ]; then
    for how in "unshare -m" "unshare -rm"; do
        if $how true 2>/dev/null; then IN_NAMESPACE=yes exec $how "$0" "$@"; fi # what is mounted goes with it
    done
fi
. "$(dirname "$0")/../lib/broker.sh"
[ "$BROKER" = odradek ] || exit 0
trap 'status=$?; umount -q "$SCRATCH/disk" 2>/dev/null || true; (exit $status); finish' EXIT
check() { python3 "$ROOT/tests/e2e/disk_faults.py" "$SCRATCH" "$@"; }
# Every partition that came through, to be judged at the end, at once: a JVM is slow to start.
keep() { # KIND DATA
    local dir
    for dir in "$2"/faults-*; do cp -r --sparse=always "$dir" "$SCRATCH/kept/$1-$(basename "$dir")"; done
}
mkdir "$SCRATCH/kept" "$SCRATCH/disk"

check limit
keep limit "$SCRATCH/limit/data"
truncate -s 16M "$SCRATCH/image"
PATH=$PATH:/usr/sbin:/sbin
if mke2fs -q -t ext4 "$SCRATCH/image" 2>/dev/null && mount -o loop "$SCRATCH/image" "$SCRATCH/disk" 2>/dev/null; then
    kinds=(full read_only io_error slow)
elif mount -t tmpfs -o size=16m tmpfs "$SCRATCH/disk" 2>/dev/null; then
    kinds=(full)
else
    kinds=()
fi
for kind in "${kinds[@]}"; do
    check "$kind"
    keep "$kind" "$SCRATCH/disk/$kind"
    rm -rf "$SCRATCH/disk/$kind"
done
[ "${#kinds[@]}" = 0 ] || umount "$SCRATCH/disk"
# Apache Kafka's word, where its jars are at hand.
if libs=$("$ROOT/tests/oracle/kafka" libs 2>/dev/null); then
    "$ROOT/tests/oracle/dumplog.sh" "$libs" "$SCRATCH/kept" >"$SCRATCH/dump" || { cat "$SCRATCH/dump"; die "DumpLogSegments finds faults"; }
    echo "ok disk_full/dump $(cat "$SCRATCH/dump")"
fi
