#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One data directory, six visits: Apache Kafka and we write to it in turn, three rounds, with five codecs, transactions,
# compaction and DeleteRecords. After every change of hands a consumer of committed records and one of all of them get
# exactly what they got before it, producers are known as before, and Kafka's DumpLogSegments finds no fault in any file
# that either of us leaves.
#   tests/e2e/hand_over_rounds.sh      (BROKER=kafka: it stays with Apache Kafka all the time, which proves the script)
. "$(dirname "$0")/../lib/broker.sh"
. "$ROOT/tests/lib/hand_over.sh"
export KAFKA_HEAP=512m JDK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 # no JVM lives long here
ours=$BROKER
rounds=${ROUNDS:-3}
# Compaction as lively as it gets; for BROKER=kafka, transactions no coordinator knows of.
settings=(offsets.topic.num.partitions=1 transaction.state.log.num.partitions=1 log.cleaner.backoff.ms=200 log.index.interval.bytes=1024
    log.cleaner.dedupe.buffer.size=16777216 transaction.partition.verification.enable=false log.retention.check.interval.ms=1000
    log.segment.delete.delay.ms=100)
libs=$("$ROOT/tests/oracle/kafka" libs)
javac -nowarn -d "$SCRATCH" -cp "$libs/*" "$ROOT"/tests/e2e/hand_over/{Rounds,RawTransactions,Judge}.java

say() { # COMMAND ARGUMENT...
    local answer
    echo "$*" >&"${java[1]}"
    read -r -t 120 answer <&"${java[0]}" || answer="no answer"
    [ "${answer%% *}" = ok ] || die "$leg, $1: ${answer#not ok }"
    echo "ok hand_over_rounds/$leg-$1 ${answer#ok }"
}

visit() { # WHO TURN coordinator|raw
    if [ "$2" -gt 1 ]; then
        swap_broker "$1" "${settings[@]}"
        say same
    fi
    say fill "$2" "$3"
    stop_broker
    say judge "$SCRATCH/node/data"
}

BROKER=kafka start_broker "${settings[@]}"
coproc java {
    exec java -Xmx256m -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp "$SCRATCH:$libs/*" Rounds "$BOOTSTRAP"
}
for ((round = 1; round <= rounds; round++)); do
    leg=round-$round-kafka
    visit kafka $((2 * round - 1)) coordinator
    leg=round-$round-ours
    visit "$ours" $((2 * round)) raw
done
leg=end
swap_broker kafka "${settings[@]}"
say same
