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
# Judged by Apache Kafka as well, where its jars are at hand.
libs=$("$ROOT/tests/oracle/kafka" libs 2>/dev/null) || libs=
judge() { [ -z "$libs" ] || { "$ROOT/tests/oracle/dumplog.sh" "$libs" "$1" >"$SCRATCH/dump" || { cat "$SCRATCH/dump"; die "DumpLogSegments finds faults in $1"; }; }; }

check limit
judge "$SCRATCH/limit/data"
mkdir "$SCRATCH/disk"
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
    judge "$SCRATCH/disk/$kind"
    rm -rf "$SCRATCH/disk/$kind"
done
[ "${#kinds[@]}" = 0 ] || umount "$SCRATCH/disk"
