# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced after broker.sh by tests where one data directory goes from broker to broker, on one port: a quorum's voter is
# known by its address. Sets `python` and `topics`, the names of what fill_topics made.
python=$("$ROOT/tests/lib/venv")
"$ROOT/tests/oracle/kafka" fetch
topics=()

swap_broker() { # odradek|kafka key=value...: the directory as it stands, under another broker or the same again
    local kind=$1 answer verb=start
    shift
    stop_broker
    # Apache Kafka would be told by `start` to format what is not its own.
    [ "$kind" = odradek ] || verb=adopt
    answer=$("$ROOT/tests/node" "$verb" "$kind" "$SCRATCH/node" "$BROKER_PORT" "$@")
    read -r BROKER_PID _ <<<"$answer"
}

fill_topics() { # LINES: two partitions of an access log under each codec
    local codec
    python3 "$ROOT/tests/e2e/make_access_log.py" 7 "$1" >"$SCRATCH/in"
    for codec in none gzip snappy lz4 zstd; do
        topics+=("shared-$codec")
        "$python" "$ROOT/tests/clients/librdkafka/topic.py" "$BOOTSTRAP" create "shared-$codec" 2 segment.ms=123456789
        kcat -b "$BOOTSTRAP" -P -t "shared-$codec" -z "$codec" -X sticky.partitioning.linger.ms=0 -X enable.idempotence=true <"$SCRATCH/in"
    done
}

read_all() { # INTO
    local topic p
    mkdir -p "$1"
    for topic in "${topics[@]}"; do
        for p in 0 1; do
            kcat -b "$BOOTSTRAP" -C -q -t "$topic" -p "$p" -o beginning -e -f '%o %T %k %h %s\n' >"$1/$topic-$p"
        done
    done
}

same_records() { # WHO EXPECTED GOT
    local file
    for file in "$2"/*; do
        cmp -s "$file" "$3/$(basename "$file")" || die "$1 serves other records of $(basename "$file") than were there before"
        echo "ok $TEST/$1-$(basename "$file") $(sha256sum <"$file" | cut -c1-16)"
    done
}
