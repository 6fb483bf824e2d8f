#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Transactions that a real producer wrote to Apache Kafka: commits, aborts, one left open. We start on that directory and
# the Java consumer reads the same from us, at both isolation levels; then we abort what is open, write and roll, are
# killed, delete the beginning, and hand the directory back to Apache Kafka, which reads the same again.
#   tests/e2e/transactions.sh
. "$(dirname "$0")/../lib/broker.sh"
. "$ROOT/tests/lib/hand_over.sh"
libs=$("$ROOT/tests/oracle/kafka" libs)
ours=$BROKER
settings=(log.retention.check.interval.ms=300000)
javac -nowarn -cp "$libs/*" -d "$SCRATCH" "$ROOT/tests/e2e/Transactions.java"
client() { java -Xmx256m -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$SCRATCH:$libs/*" Transactions "$@"; }
read_both() { # NAME
    local level
    for level in read_uncommitted read_committed; do client read "$BOOTSTRAP" "$level" >"$SCRATCH/$1.$level"; done
    client producers "$BOOTSTRAP" >"$SCRATCH/$1.producers"
}
same() { # WHAT OURS APACHES
    local kind
    for kind in read_uncommitted read_committed producers; do
        diff "$SCRATCH/$3.$kind" "$SCRATCH/$2.$kind" >"$SCRATCH/diff" || { head -n 10 "$SCRATCH/diff"; die "$1: $kind differs from what Apache Kafka serves"; }
    done
    echo "ok transactions/$1 $(grep -vc ^end "$SCRATCH/$2.read_committed") of $(grep -vc ^end "$SCRATCH/$2.read_uncommitted") records committed"
}

export KAFKA_HEAP=512m
BROKER=kafka start_broker "${settings[@]}"
client write "$BOOTSTRAP"
read_both apache
[ "$(grep -vc ^end "$SCRATCH/apache.read_committed")" -gt 50 ] || die "nothing was committed"
[ "$(wc -l <"$SCRATCH/apache.read_committed")" -lt "$(wc -l <"$SCRATCH/apache.read_uncommitted")" ] || die "nothing was aborted"

swap_broker "$ours" "${settings[@]}"
read_both adopted
same adopted adopted apache

client abort "$BOOTSTRAP"
client fill "$BOOTSTRAP"
read_both ended
! grep -q 'open' "$SCRATCH/ended.read_committed" || die "what was aborted is shown"
grep -q 'fill399' "$SCRATCH/ended.read_committed" || die "what is behind the aborted transaction is not shown"
echo "ok transactions/aborted the last stable offset moved on"
stop_broker -9
BROKER_PORT=${BOOTSTRAP##*:}
start_broker "${settings[@]}"
read_both killed
same killed killed ended

client trim "$BOOTSTRAP" 100
read_both trimmed
[ "$(head -n 1 "$SCRATCH/trimmed.read_uncommitted" | cut -d' ' -f2)" = 00000100 ] || die "the beginning is still there"
stop_broker
"$ROOT/tests/oracle/dumplog.sh" "$libs" "$SCRATCH/node/data" >"$SCRATCH/dump" || { tail -n 20 "$SCRATCH/dump"; die "DumpLogSegments finds faults"; }
echo "ok transactions/dump $(cat "$SCRATCH/dump")"
ls "$SCRATCH"/node/data/ledger-0/*.txnindex >/dev/null || die "there is no .txnindex"

swap_broker kafka "${settings[@]}"
read_both back
same handed-back trimmed back
swap_broker "$ours" "${settings[@]}"
read_both again
same again again back
stop_broker
