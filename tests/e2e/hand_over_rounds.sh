#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One data directory, six visits: Apache Kafka and we write to it in turn, three rounds, with compaction, transactions and
# DeleteRecords. After every change of hands a consumer of committed records and one of all records get exactly what they
# got before it, and Kafka's DumpLogSegments finds no fault in any file that we leave.
#   tests/e2e/hand_over_rounds.sh      (BROKER=kafka: it stays with Apache Kafka all the time, which proves the script)
. "$(dirname "$0")/../lib/broker.sh"
oracle=$ROOT/tests/oracle/kafka
"$oracle" fetch
export KAFKA_HEAP=512m
ours=$BROKER
rounds=${ROUNDS:-3}
# Transactions of our own by hand: no coordinator has to know of them. Segments and cleaner as lively as they get.
settings=(offsets.topic.num.partitions=1 transaction.state.log.num.partitions=1 log.cleaner.backoff.ms=200 log.index.interval.bytes=1024
    log.cleaner.dedupe.buffer.size=16777216 transaction.partition.verification.enable=false log.retention.check.interval.ms=1000)
client=$("$ROOT/tests/clients/java/libs")
classes=$ROOT/build/clients/rounds
javac -Xlint:all,-options,-processing -Werror -d "$classes" -cp "$client/*" "$ROOT/tests/e2e/hand_over/Rounds.java"

visit() { # fill|read ARGS...
    timeout 100 java -Xmx128m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp "$classes:$client/*" \
        Rounds "$1" "$BOOTSTRAP" "${@:2}" >"$SCRATCH/visit" 2>&1 || { head -n 20 "$SCRATCH/visit"; die "$leg: $1"; }
}

hand_to() { # odradek|kafka
    local answer verb=start
    stop_broker
    [ "$1" = odradek ] || verb=adopt
    answer=$("$ROOT/tests/node" "$verb" "$1" "$SCRATCH/node" "$BROKER_PORT" "${settings[@]}")
    read -r BROKER_PID _ <<<"$answer"
}

same() { # WHO: what is read now is what was read before the change of hands
    local file
    rm -rf "$SCRATCH/after"
    visit read "$SCRATCH/after"
    for file in "$SCRATCH"/before/*; do
        diff "$file" "$SCRATCH/after/$(basename "$file")" >"$SCRATCH/diff" ||
            { head -n 10 "$SCRATCH/diff"; die "$leg: $1 serves another $(basename "$file") (< before, > after)"; }
    done
    [ "$(ls "$SCRATCH/before")" = "$(ls "$SCRATCH/after")" ] || die "$leg: other topics"
    echo "ok hand_over_rounds/$leg-same-records $(cat "$SCRATCH"/before/* | wc -l) lines of $(ls "$SCRATCH/before" | wc -l) readings"
}

# Compacted logs have gaps, and Kafka's own time indexes of them do not please the tool: there only batches and records count.
no_fault() {
    local dir=$SCRATCH/node/data libs faults
    libs=$("$oracle" where)
    rm -rf "$SCRATCH/judged"
    mkdir "$SCRATCH/judged"
    cp -rl "$dir"/rounds-* "$SCRATCH/judged"
    rm -rf "$SCRATCH"/judged/rounds-compact*
    "$ROOT/tests/oracle/dumplog.sh" "$libs" "$SCRATCH/judged" >"$SCRATCH/dump" 2>&1 || { tail -n 15 "$SCRATCH/dump"; die "$leg: DumpLogSegments"; }
    echo "ok hand_over_rounds/$leg-dump $(tail -n 1 "$SCRATCH/dump")"
    "$oracle" tool org.apache.kafka.tools.DumpLogSegments --deep-iteration \
        --files "$(find "$dir"/rounds-compact* -name '*.log' -size +0c | paste -sd,)" >"$SCRATCH/dump" 2>&1 || die "$leg: DumpLogSegments gave up"
    faults=$(grep -nE 'isvalid: false|[Ee]xception|corrupt|trailing bytes|invalid bytes' "$SCRATCH/dump" | head -n 5 || true)
    [ -z "$faults" ] || die "$leg: DumpLogSegments: $faults"
    echo "ok hand_over_rounds/$leg-dump-compacted $(grep -c '^baseOffset' "$SCRATCH/dump") batches"
}

leg=start
BROKER=kafka start_broker "${settings[@]}"
for ((round = 1; round <= rounds; round++)); do
    leg=round-$round-kafka
    if [ "$round" -gt 1 ]; then
        hand_to kafka
        same kafka
    fi
    rm -rf "$SCRATCH/before"
    visit fill "$((2 * round - 1))" yes "$SCRATCH/before"
    echo "ok hand_over_rounds/$leg-wrote $(cat "$SCRATCH/visit")"

    leg=round-$round-ours
    hand_to "$ours"
    same "$ours"
    # The coordinator's transactions are Kafka's; ours go in by hand.
    "$ROOT/tests/e2e/hand_over/raw_txn.py" "$BROKER_PORT" rounds-raw "$round" || die "$leg: transactions by hand"
    rm -rf "$SCRATCH/before"
    visit fill "$((2 * round))" no "$SCRATCH/before"
    echo "ok hand_over_rounds/$leg-wrote $(cat "$SCRATCH/visit")"
    [ "$ours" = kafka ] || { stop_broker; no_fault; }
done
leg=end
hand_to kafka
same kafka
