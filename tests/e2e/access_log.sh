#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An access log goes in line by line through three producers under five compressions, and comes back through three
# consumers: whole, and in order within each partition.
#   tests/e2e/access_log.sh [ADDRESS]
# ACCESS_LOG=FILE uses that file instead of a generated one (its lines must differ), CLIENTS and CODECS narrow the grid.
. "$(dirname "$0")/../lib/broker.sh"
here=$ROOT/tests/e2e
partitions=2
lines=20000
CODECS=${CODECS:-none gzip snappy lz4 zstd}
CLIENTS=${CLIENTS:-kcat ours java}
# A sanitizer makes the broker ten times slower; what it looks for shows in a part of the grid.
if [ -n "${ODRADEK_SLOW:-}" ]; then lines=3000 CODECS="none zstd" CLIENTS="kcat ours"; fi
if [ ! -x "$ROOT/bin/odradek" ]; then CLIENTS=${CLIENTS/ours/}; fi

input=${ACCESS_LOG:-$SCRATCH/access.log}
[ -n "${ACCESS_LOG:-}" ] || python3 "$here/make_access_log.py" 4711 "$lines" >"$input"
# Some real logs repeat a line; a number makes each its own, so that order can be judged.
if [ "$(sort "$input" | uniq -d | head -n 1)" ]; then nl -ba -w1 -s' ' "$input" >"$SCRATCH/numbered" && input=$SCRATCH/numbered; fi
python=$("$ROOT/tests/lib/venv")
"$ROOT/tests/oracle/kafka" fetch
use_broker "${1:-}"
tool=$ROOT/tests/oracle/kafka

produce() { # CLIENT CODEC TOPIC
    case $1 in
    kcat) kcat -b "$BOOTSTRAP" -P -t "$3" -z "$2" -X sticky.partitioning.linger.ms=0 <"$input" ;;
    ours) "$ROOT/bin/kafka-console-producer.sh" --bootstrap-server "$BOOTSTRAP" --topic "$3" --compression-codec "$2" <"$input" ;;
    java) "$tool" tool org.apache.kafka.tools.ConsoleProducer --bootstrap-server "$BOOTSTRAP" --topic "$3" \
        --compression-codec "$2" --request-timeout-ms 30000 <"$input" ;;
    esac
}

consume() { # CLIENT TOPIC PARTITION COUNT OUTPUT
    local common=(--bootstrap-server "$BOOTSTRAP" --topic "$2" --partition "$3" --offset earliest --max-messages "$4" --timeout-ms 60000)
    case $1 in
    kcat) kcat -b "$BOOTSTRAP" -C -q -t "$2" -p "$3" -o beginning -e >"$5" ;;
    ours) "$ROOT/bin/kafka-console-consumer.sh" "${common[@]}" >"$5" 2>"$5.err" || { cat "$5.err"; return 1; } ;;
    java) "$tool" tool org.apache.kafka.tools.consumer.ConsoleConsumer "${common[@]}" >"$5" 2>"$5.err" || { cat "$5.err"; return 1; } ;;
    esac
}

wanted=$(sha256sum <"$input" | cut -d' ' -f1)
for producer in $CLIENTS; do
    for codec in $CODECS; do
        topic=log-$producer-$codec-$RANDOM$RANDOM
        "$python" "$ROOT/tests/clients/librdkafka/topic.py" "$BOOTSTRAP" create "$topic" "$partitions"
        produce "$producer" "$codec" "$topic"
        for consumer in $CLIENTS; do
            parts=()
            for ((p = 0; p < partitions; p++)); do
                count=$(kcat -b "$BOOTSTRAP" -Q -t "$topic:$p:-1" | sed 's/.* //')
                part=$SCRATCH/$consumer.$p
                parts+=("$part")
                : >"$part"
                if [ "$count" -gt 0 ]; then consume "$consumer" "$topic" "$p" "$count" "$part"; fi
            done
            got=$(python3 "$here/compare_lines.py" "$input" "${parts[@]}") ||
                die "sent by $producer under $codec, read by $consumer: not what was sent"
            [ "$got" = "$wanted" ] || die "sent by $producer under $codec, read by $consumer: checksum $got, expected $wanted"
            echo "ok access_log/$producer-$codec-$consumer ${got:0:16}"
        done
    done
done
