#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compaction, judged by Apache Kafka: its LogCompactionTester writes keys many times over, with deletes, waits, and
# compares what is left with what it wrote; then the log must have shrunk, its files must be without fault for
# DumpLogSegments, and Apache Kafka must serve the same records from the directory.
#   tests/e2e/compaction.sh
. "$(dirname "$0")/../lib/broker.sh"
oracle=$ROOT/tests/oracle/kafka
"$oracle" fetch
settings=(group.initial.rebalance.delay.ms=0 log.segment.bytes=1048576 log.cleaner.backoff.ms=200 log.cleaner.min.cleanable.ratio=0.01)
start_broker "${settings[@]}"
port=$BROKER_PORT
messages=300000
"$oracle" tool org.apache.kafka.tools.LogCompactionTester --bootstrap-server "$BOOTSTRAP" --messages "$messages" --duplicates 40 \
    --percent-deletes 10 --topics 2 --sleep 5 >"$SCRATCH/tester" 2>&1 || { tail -n 20 "$SCRATCH/tester"; die "LogCompactionTester found a difference"; }
echo "ok compaction/LogCompactionTester $(grep -i 'validated\|reduction' "$SCRATCH/tester" | tr '\n' ' ')"

read_all() { # INTO
    local dir
    for dir in "$SCRATCH"/node/data/log-cleaner-test-*; do
        kcat -b "$BOOTSTRAP" -C -q -t "$(basename "${dir%-*}")" -p "${dir##*-}" -o beginning -e -f '%o %T %k %s\n'
    done >"$1"
}

read_all "$SCRATCH/ours"
left=$(wc -l <"$SCRATCH/ours")
[ "$left" -gt 0 ] && [ "$left" -lt $((messages / 2)) ] || die "$left of $messages records are left: nothing was compacted"
echo "ok compaction/shrunk $left of $messages records left"
stop_broker
"$oracle" tool org.apache.kafka.tools.DumpLogSegments --deep-iteration --files "$(ls "$SCRATCH"/node/data/log-cleaner-test-*/*.log | paste -sd,)" >"$SCRATCH/dump" 2>&1 ||
    { tail -n 20 "$SCRATCH/dump"; die "DumpLogSegments gave up"; }
! grep -E 'isvalid: false|Mismatches|Found|corrupt|Exception' "$SCRATCH/dump" || die "DumpLogSegments finds faults"
echo "ok compaction/dump $(wc -l <"$SCRATCH/dump") lines"
[ "$BROKER" = odradek ] || exit 0
answer=$("$ROOT/tests/node" adopt kafka "$SCRATCH/node" "$port" log.cleaner.enable=false)
read -r BROKER_PID _ <<<"$answer"
read_all "$SCRATCH/kafkas"
cmp -s "$SCRATCH/ours" "$SCRATCH/kafkas" || die "Apache Kafka serves other records from our compacted directory"
echo "ok compaction/apache-serves-the-same"
