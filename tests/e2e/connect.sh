#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A Kafka Connect standalone worker as it comes from Maven Central: lines of one file travel through a topic into another
# file, also those added while it runs, and after a restart it goes on where it was: no line lost, none twice.
#   tests/e2e/connect.sh [ADDRESS]      CONNECT_PORT=N for its REST interface
. "$(dirname "$0")/../lib/broker.sh"
export KAFKA_HEAP=512m
libs=$("$ROOT/tests/oracle/kafka" libs)
file=$ROOT/build/clients/connect-file
"$ROOT/tests/lib/maven" "$ROOT/tests/e2e/connect.pom.xml" "$file" -DincludeArtifactIds=connect-file
use_broker "${1:-}"
port=${CONNECT_PORT:-$(cd "$ROOT/tests/lib" && python3 -c 'import harness; print(harness.free_ports(1))')}
topic=connect-$RANDOM$RANDOM
cat >"$SCRATCH/worker.properties" <<END
bootstrap.servers=$BOOTSTRAP
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
offset.storage.file.filename=$SCRATCH/offsets
offset.flush.interval.ms=1000
plugin.discovery=service_load
listeners=http://127.0.0.1:$port
END
cat >"$SCRATCH/source.properties" <<END
name=$topic-source
connector.class=org.apache.kafka.connect.file.FileStreamSourceConnector
file=$SCRATCH/in.txt
topic=$topic
END
cat >"$SCRATCH/sink.properties" <<END
name=$topic-sink
connector.class=org.apache.kafka.connect.file.FileStreamSinkConnector
file=$SCRATCH/out.txt
topics=$topic
consumer.override.auto.offset.reset=earliest
END
: >"$SCRATCH/in.txt"
worker=

start_worker() {
    java -Xmx256m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$libs/*:$file/*" org.apache.kafka.connect.cli.ConnectStandalone \
        "$SCRATCH/worker.properties" "$SCRATCH/source.properties" "$SCRATCH/sink.properties" >>"$SCRATCH/worker.log" 2>&1 &
    worker=$!
}

stop_worker() {
    kill "$worker"
    wait "$worker" || true
}

add() { seq -f "line %g of $1" 1 "$2" >>"$SCRATCH/in.txt"; }

arrived() { # WHAT
    local i
    for ((i = 0; i < 900; i++)); do
        if cmp -s "$SCRATCH/in.txt" "$SCRATCH/out.txt"; then
            echo "ok connect/$1 $(wc -l <"$SCRATCH/out.txt") lines"
            return
        fi
        kill -0 "$worker" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$SCRATCH/worker.log"
    die "$1: $(wc -l <"$SCRATCH/in.txt") lines went in, $(cat "$SCRATCH/out.txt" 2>/dev/null | wc -l) came out"
}

add first 2000
start_worker
arrived start
add second 500
arrived added
stop_worker
add third 300
start_worker
arrived restart
stop_worker
