#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Apache Kafka's VerifiableProducer and VerifiableConsumer, and ours: what one says was acknowledged the other shows, also
# while the node is killed and started again, again and again.
#   tests/e2e/verifiable.sh      ROUNDS=N kills N times
. "$(dirname "$0")/../lib/broker.sh"
export KAFKA_HEAP=512m
libs=$("$ROOT/tests/oracle/kafka" libs)
judge=$ROOT/tests/e2e/verifiable.py
binary=${ODRADEK_BIN:-$ROOT/bin/odradek}
records=5000

tool() { # apache|ours Producer|Consumer ARG...
    local whose=$1 what=$2
    shift 2
    if [ "$whose" = apache ]; then
        exec java -Xmx128m -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$libs/*" "org.apache.kafka.tools.Verifiable$what" "$@"
    fi
    exec "$binary" "verifiable-${what,}" "$@"
}
whose=apache
[ ! -x "$binary" ] || whose="apache ours"
# Under a sanitizer the broker is what is looked at, and ours is the client that does not take its time.
if [ -n "${ODRADEK_SLOW:-}" ]; then whose=ours records=1000; fi

start_broker log.segment.bytes=1048576
topic() { "$("$ROOT/tests/lib/venv")" "$ROOT/tests/clients/librdkafka/topic.py" "$BOOTSTRAP" create "$1" 3; }

for producer in $whose; do
    topic "set-$producer"
    (tool "$producer" Producer --bootstrap-server "$BOOTSTRAP" --topic "set-$producer" --max-messages "$records" --repeating-keys 10) \
        >"$SCRATCH/$producer" 2>"$SCRATCH/err" || { tail -n 5 "$SCRATCH/err"; die "$producer producer ended with an error"; }
    [ "$(python3 "$judge" acked "$SCRATCH/$producer" -)" = "$records" ] || die "$producer producer: not all were acknowledged"
    for consumer in $whose; do
        (tool "$consumer" Consumer --bootstrap-server "$BOOTSTRAP" --topic "set-$producer" --group-id "set-$producer-$consumer" \
            --max-messages "$records" --verbose) >"$SCRATCH/consumed" 2>"$SCRATCH/err" ||
            { tail -n 5 "$SCRATCH/err"; die "$consumer consumer ended with an error"; }
        said=$(python3 "$judge" equal "$SCRATCH/$producer" "$SCRATCH/consumed" 2>&1) || die "$producer producer, $consumer consumer: $said"
        echo "ok verifiable/$producer-$consumer $said"
    done
done

# A producer and a consumer that live on while the node dies under them.
rounds=5
[ "$BROKER" = odradek ] || rounds=2
[ -z "${ODRADEK_SLOW:-}" ] || rounds=2
[ -z "${ODRADEK_LONG:-}" ] || rounds=50
rounds=${ROUNDS:-$rounds}
for who in $whose; do
    topic "kill-$who"
    (tool "$who" Producer --bootstrap-server "$BOOTSTRAP" --topic "kill-$who" --throughput 300) >"$SCRATCH/produced" 2>/dev/null &
    producer_pid=$!
    (tool "$who" Consumer --bootstrap-server "$BOOTSTRAP" --topic "kill-$who" --group-id "kill-$who" --session-timeout 6000 --verbose) \
        >"$SCRATCH/consumed" 2>/dev/null &
    consumer_pid=$!
    acked=0
    for ((i = 0; i < rounds; i++)); do
        # Each life of the node must have acknowledged something, or the next kill proves nothing.
        for ((wait = 0; wait < 600; wait++)); do
            now=$(python3 "$judge" acked "$SCRATCH/produced" -)
            [ "$now" -le $((acked + 100)) ] || break
            sleep 0.1
        done
        [ "$now" -gt "$acked" ] || die "$who producer: nothing acknowledged in life $i of the node"
        acked=$now
        stop_broker -9
        start_broker log.segment.bytes=1048576
    done
    kill "$producer_pid"
    wait "$producer_pid" || true
    said=
    for ((wait = 0; wait < 300; wait++)); do
        if said=$(python3 "$judge" all "$SCRATCH/produced" "$SCRATCH/consumed" 2>&1); then break; fi
        sleep 0.2
    done
    kill "$consumer_pid"
    wait "$consumer_pid" || true
    python3 "$judge" all "$SCRATCH/produced" "$SCRATCH/consumed" >/dev/null 2>&1 || die "$who tools, $rounds kills: $said"
    echo "ok verifiable/kill-$who $rounds kills, $said"
done
