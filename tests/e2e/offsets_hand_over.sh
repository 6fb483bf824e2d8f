#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One data directory goes from broker to broker while a producer, a consumer and an admin of the Java client live on:
# topics, overrides, records in five codecs, committed offsets, group metadata, members on record and what is known of
# producers are the same afterwards. From Apache Kafka to us and back; with ODRADEK_LONG also from us to Apache Kafka
# and back.
#   tests/e2e/offsets_hand_over.sh      (BROKER=kafka: it stays with Apache Kafka all the time, which proves the script)
. "$(dirname "$0")/../lib/broker.sh"
. "$ROOT/tests/lib/hand_over.sh"
export KAFKA_HEAP=512m
ours=$BROKER
port=${BROKER_PORT:-0}
settings=(offsets.topic.num.partitions=5)
client=$("$ROOT/tests/clients/java/libs")
classes=$ROOT/build/clients/hand_over
javac -Xlint:all,-options,-processing -Werror -d "$classes" -cp "$client/*" "$ROOT/tests/e2e/hand_over/HandOver.java"

say() { # COMMAND ARGUMENT
    local answer
    printf '%s %s\n' "$1" "$2" >&"${java[1]}"
    read -r -t 120 answer <&"${java[0]}" || answer="no answer"
    [ "$answer" = ok ] || die "$leg, $1 $2: ${answer#not ok }"
}

describe() { # INTO: what the tool says; a group in two lines may be asked for in either order
    "$ROOT/tests/oracle/kafka" tool org.apache.kafka.tools.consumer.group.ConsumerGroupCommand --bootstrap-server "$BOOTSTRAP" \
        --describe --all-groups 2>&1 | grep -v '^live\|no active members\|^$' | sort >"$1"
}

same() { # WHAT EXPECTED GOT
    diff "$2" "$3" >"$SCRATCH/diff" || { head -n 20 "$SCRATCH/diff"; die "$leg: $1 differ (< before, > after)"; }
    echo "ok offsets_hand_over/$leg-$1 $(wc -l <"$2") lines"
}

swap() { # TO STAGE
    say snapshot "$SCRATCH/before"
    describe "$SCRATCH/described"
    rm -rf "$SCRATCH/records" "$SCRATCH/records-after"
    read_all "$SCRATCH/records"
    swap_broker "$1" "${settings[@]}"
    say snapshot "$SCRATCH/after"
    same state "$SCRATCH/before" "$SCRATCH/after"
    describe "$SCRATCH/described-after"
    same described "$SCRATCH/described" "$SCRATCH/described-after"
    read_all "$SCRATCH/records-after"
    same_records "$leg" "$SCRATCH/records" "$SCRATCH/records-after"
    # The producer goes on with its id, epoch and next sequence, and the consumer with its offset.
    before=$(sed -n 's/^producer \([0-9]* epoch [0-9]*\) sequence \([0-9]*\).*/\1 \2/p' "$SCRATCH/after")
    say send 100
    say snapshot "$SCRATCH/sent"
    after=$(sed -n 's/^producer \([0-9]* epoch [0-9]*\) sequence \([0-9]*\).*/\1 \2/p' "$SCRATCH/sent")
    [ "$after" = "${before% *} $((${before##* } + 100))" ] || die "$leg: the producer was at $before, is at $after"
    echo "ok offsets_hand_over/$leg-producer $after"
    say resume "$2"
    say groups "$leg"
}

pass() { # FIRST SECOND
    rm -rf "$SCRATCH/node"
    topics=() BROKER=$1 BROKER_PORT=$port leg=$1
    start_broker "${settings[@]}"
    fill_topics 2000
    coproc java { exec java -Xmx128m -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp "$classes:$client/*" HandOver "$BOOTSTRAP"; }
    java_pid=$java_PID
    read -r -t 120 answer <&"${java[0]}" || die "the clients did not start"
    [ "$answer" = ok ] || die "$leg: $answer"
    say groups made
    say send 100
    leg=$1-to-$2
    swap "$2" made
    leg=$1-to-$2-to-$1
    swap "$1" "$1-to-$2"
    exec {java[1]}>&-
    wait "$java_pid" || true
    stop_broker
}

pass kafka "$ours"
# The other way round both swaps are the same again, begun from our directory: with --long only.
[ "$ours" = kafka ] || [ -z "${ODRADEK_LONG:-}" ] || pass "$ours" kafka
