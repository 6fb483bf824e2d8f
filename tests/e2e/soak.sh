#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 under load for SOAK_SECONDS (1800), with retention and compaction at work; see soak.py. Not part of the
# ordinary run: tests/run soak.
. "$(dirname "$0")/../lib/broker.sh"
python3 "$ROOT/tests/e2e/soak.py" "$BROKER" "$SCRATCH/node" "${SOAK_SECONDS:-1800}" "${BROKER_PORT:-0}" "${SEED:-$RANDOM}"
# Apache Kafka's word, where its jars are at hand.
if libs=$("$ROOT/tests/oracle/kafka" libs 2>/dev/null); then
    mkdir "$SCRATCH/compacted"
    mv "$SCRATCH"/node/data/compacted-* "$SCRATCH/compacted"
    for dir in node/data compacted; do
        "$ROOT/tests/oracle/dumplog.sh" "$libs" "$SCRATCH/$dir" "$(basename $dir)" >"$SCRATCH/dump" || { tail -n 20 "$SCRATCH/dump"; die "DumpLogSegments finds faults"; }
        echo "ok soak/dump-$(basename $dir) $(cat "$SCRATCH/dump")"
    done
else
    echo "skip soak/dump: Apache Kafka's jars are not at hand"
fi
