#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Apache Kafka 4.3 judges our metadata log, and we start on its directories.
#   metadata.sh LIBS PROGRAM
# LIBS: directory of Apache Kafka's jars. PROGRAM: the built metadata_posix_test (its ports are 19148 and 19149).
# Prints one line per finding and "metadata: OK" at the end; needs java.
set -euo pipefail
libs=${1:?usage: metadata.sh LIBS PROGRAM} program=${2:?usage: metadata.sh LIBS PROGRAM}
work=$(mktemp -d)
kafka=
finish() {
    if [ -n "$kafka" ]; then kill "$kafka" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap finish EXIT

tool() { java -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$libs/*" "$@"; }
fail() {
    echo "metadata: $*" >&2
    exit 1
}

properties() { # DIR QUORUM
    cat <<END
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:19148,CONTROLLER://127.0.0.1:19149
advertised.listeners=PLAINTEXT://127.0.0.1:19148
log.dirs=$1
$2
END
}

run_kafka() { # PROPERTIES
    java -Xmx512m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$libs/*" kafka.Kafka "$1" >"$work/kafka.out" 2>&1 &
    kafka=$!
    local i
    for i in $(seq 600); do
        if (exec 3<>/dev/tcp/127.0.0.1/19148) 2>/dev/null; then return; fi
        kill -0 "$kafka" 2>/dev/null || { cat "$work/kafka.out" >&2; fail "Apache Kafka does not start on that directory"; }
        sleep 0.1
    done
    fail "Apache Kafka does not answer"
}

stop_kafka() {
    kill "$kafka"
    wait "$kafka" || true
    kafka=
}

dump() { # DIR: every batch must be valid, every record readable
    tool org.apache.kafka.tools.DumpLogSegments --cluster-metadata-decoder --files "$1"/__cluster_metadata-0/*.log >"$work/dump" 2>&1
    if grep -q 'isvalid: false\|Exception\|Found .* invalid\|Could not' "$work/dump"; then
        cat "$work/dump" >&2
        fail "DumpLogSegments finds fault with $1"
    fi
    echo "$(grep -c 'baseOffset:' "$work/dump") batches, $(grep -c 'payload:' "$work/dump") records are well-formed"
}

check_topics() { # what the program has left, seen by Kafka's tools
    tool org.apache.kafka.tools.TopicCommand --bootstrap-server 127.0.0.1:19148 --describe >"$work/topics"
    grep -q 'Topic: ours[[:blank:]].*PartitionCount: 3.*retention.ms=123456' "$work/topics" || fail "topic ours is not what it was"
    grep -q 'Topic: ours-min[[:blank:]].*min.insync.replicas=2' "$work/topics" || fail "topic ours-min is not what it was"
    if grep -q 'ours-gone' "$work/topics"; then fail "a deleted topic is back"; fi
    if grep -q 'Leader: none' "$work/topics"; then fail "a partition has no leader"; fi
}

dynamic='controller.quorum.bootstrap.servers=127.0.0.1:19149'
static='controller.quorum.voters=1@127.0.0.1:19149'

echo "-- our directory under Apache Kafka"
"$program" "$work/ours" >"$work/out" 2>&1 || { cat "$work/out" >&2; fail "two lives of our own"; }
dump "$work/ours"
properties "$work/ours" "$dynamic" >"$work/dynamic.properties"
run_kafka "$work/dynamic.properties"
check_topics
tool org.apache.kafka.tools.TopicCommand --bootstrap-server 127.0.0.1:19148 --create --topic theirs --partitions 2
stop_kafka

for quorum in dynamic static; do
    echo "-- Apache Kafka's directory under us: $quorum voters"
    directory=$work/$quorum
    properties "$directory" "${!quorum}" >"$work/$quorum.properties"
    option=$([ "$quorum" = dynamic ] && echo --standalone || true)
    tool kafka.tools.StorageTool format -t 5L6g3nShT-eMCtK--X86sw $option -c "$work/$quorum.properties" >"$work/out" 2>&1 || { cat "$work/out" >&2; fail "format"; }
    run_kafka "$work/$quorum.properties"
    tool org.apache.kafka.tools.TopicCommand --bootstrap-server 127.0.0.1:19148 --create --topic theirs --partitions 2
    stop_kafka
    "$program" "$directory" >"$work/out" 2>&1 || { cat "$work/out" >&2; fail "we do not start on Apache Kafka's directory"; }
    dump "$directory"
    properties "$directory" "${!quorum}" >"$work/$quorum.properties"
    run_kafka "$work/$quorum.properties"
    check_topics
    grep -q 'Topic: theirs[[:blank:]]' "$work/topics" || fail "topic theirs is lost"
    stop_kafka
done
echo "metadata: OK"
