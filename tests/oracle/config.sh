#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What DescribeConfigs answers, against a running Apache Kafka: every broker and topic key with its value, source, type,
# read-only, sensitive and synonyms, for a plain node and for one with static, dynamic and topic values set.
#   config.sh [BUILD_DIR] [PORT]      PORT and the next one must be free
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../../build/debug}
port=${2:-29092}
libs=${KAFKA_LIBS:-$HOME/.cache/kafka-$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$here/pom.xml")/libs}
work=$(mktemp -d)
pid=
finish() { [ -z "$pid" ] || "$here/kafka" stop "$pid"; rm -r "$work"; }
trap finish EXIT
"$here/kafka" fetch
javac -cp "$libs/*" -d "$work" "$here/DescribeConfigs.java"

compare() { # NAME "static lines" change...
    local name=$1 dir=$work/$1 static=$2
    shift 2
    mapfile -t lines <<<"$static"
    pid=$("$here/kafka" start "$dir" "$port" "${lines[@]}")
    java -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp "$work:$libs/*" DescribeConfigs "127.0.0.1:$port" "$@" |
        LC_ALL=C sort >"$dir/kafka.tsv"
    "$here/kafka" stop "$pid"
    pid=
    # The broker sets this one itself when the cluster is formatted; changes given later win.
    "$build/config_describe_test" "$dir/server.properties" cluster:min.insync.replicas=1 "$@" |
        LC_ALL=C sort >"$dir/ours.tsv"
    diff "$dir/kafka.tsv" "$dir/ours.tsv" || { echo "$name: differences above (< Apache Kafka, > ours)"; exit 1; }
    echo "$name: $(wc -l <"$dir/ours.tsv") entries, no difference"
}

compare plain "num.partitions=1"
compare static "log.retention.hours=24
log.roll.ms=99999
log.retention.minutes=77
log.cleanup.policy = compact ,delete
log.cleaner.min.cleanable.ratio=.75
log.preallocate=TRUE
ssl.keystore.password=secret
listener.name.plaintext.max.connections=9
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=x
my.plugin.key=1
super.users=User:a
log.cleaner.io.max.bytes.per.second=1e3
internal.metadata.delete.delay.millis=60001
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
metric.reporters="
compare dynamic "log.flush.interval.ms=5555" \
    topic:retention.ms=1000 topic:segment.ms=77777 topic:cleanup.policy=compact,delete topic:min.cleanable.dirty.ratio=0.25 \
    topic:compression.type=zstd topic:leader.replication.throttled.replicas=0:1,1:1 \
    cluster:log.retention.ms=5000 cluster:min.insync.replicas=2 cluster:log.cleaner.threads=2 cluster:log.flush.interval.ms=1234 \
    broker:log.retention.ms=7000 broker:log.segment.bytes=2000000 broker:max.connections=500 \
    broker:listener.name.plaintext.max.connections=77
