#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One data directory, two brokers: we write it and stop, Apache Kafka's DumpLogSegments finds no fault in it, Apache Kafka
# starts on it and serves the same records, adds some and stops, and we serve all of that.
#   tests/e2e/apache_on_our_dir.sh      (BROKER=kafka: Apache Kafka writes it, which proves the script)
. "$(dirname "$0")/../lib/broker.sh"
. "$ROOT/tests/lib/hand_over.sh"
oracle=$ROOT/tests/oracle/kafka
# What this adds under a sanitizer is Apache's time; the reading and writing are covered by the other scripts there.
lines=12000
[ -z "${ODRADEK_SLOW:-}" ] || lines=2000
settings=(log.index.interval.bytes=1024 log.segment.bytes=1048576 metadata.log.max.record.bytes.between.snapshots=2000)
start_broker "${settings[@]}"
fill_topics "$lines"

no_fault() { # WHO
    local kind files faults dir=$SCRATCH/node/data
    [ "$(ls "$dir"/shared-*/*.log | wc -l)" -gt 10 ] || die "no partition has a second segment"
    for kind in --cluster-metadata-decoder --deep-iteration --index-sanity-check --verify-index-only; do
        case $kind in
        --cluster*)
            files=("$dir"/__cluster_metadata-0/*.log "$dir"/__cluster_metadata-0/*.checkpoint)
            [ "$(ls "$dir"/__cluster_metadata-0/*.checkpoint | wc -l)" -gt 1 ] || die "$1 wrote no snapshot of the metadata"
            ;;
        --deep*) files=("$dir"/shared-*/*.log) ;;
        # The tool maps an index into memory, which nobody can do with none of it.
        *) mapfile -t files < <(find "$dir" -mindepth 2 -size +0c -name '*.index' -o -mindepth 2 -size +0c -name '*.timeindex') ;;
        esac
        # One JVM per kind of check, not per file.
        "$oracle" tool org.apache.kafka.tools.DumpLogSegments "$kind" --files "$(IFS=, && echo "${files[*]}")" >"$SCRATCH/dump" 2>&1 ||
            { tail -n 20 "$SCRATCH/dump"; die "DumpLogSegments $kind gave up on what $1 wrote"; }
        # Of every segment but a partition's first it says "-1 is followed by": no fault.
        faults=$(grep -E 'isvalid: false|Mismatches|^ *[0-9]+ is followed by|Found timestamp mismatch|Found out of order|Index timestamp|corrupt|failed|Exception' "$SCRATCH/dump" | head -n 5 || true)
        [ -z "$faults" ] || die "DumpLogSegments $kind finds faults in what $1 wrote: ${faults:0:500}"
        echo "ok apache_on_our_dir/dump$kind-$1 ${#files[@]} files, $(wc -l <"$SCRATCH/dump") lines"
    done
}

read_all "$SCRATCH/before"
stop_broker
[ -e "$SCRATCH/node/data/.kafka_cleanshutdown" ] || die "a clean stop left no .kafka_cleanshutdown"
no_fault "$BROKER"

swap_broker kafka "${settings[@]}"
read_all "$SCRATCH/apache"
same_records apache "$SCRATCH/before" "$SCRATCH/apache"
got=$("$oracle" tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$BOOTSTRAP" --describe --topic shared-lz4)
grep -q 'segment.ms=123456789' <<<"$got" || die "Apache Kafka does not see the topic's configuration: $got"
echo "ok apache_on_our_dir/apache-config"
seq 1 1000 | kcat -b "$BOOTSTRAP" -P -t shared-zstd -X sticky.partitioning.linger.ms=0 -z zstd
"$python" "$ROOT/tests/clients/librdkafka/topic.py" "$BOOTSTRAP" create shared-new 2
topics+=(shared-new)
seq 1 1000 | kcat -b "$BOOTSTRAP" -P -t shared-new -X sticky.partitioning.linger.ms=0 -z lz4
read_all "$SCRATCH/added"

swap_broker "$BROKER" "${settings[@]}"
read_all "$SCRATCH/after"
same_records back "$SCRATCH/added" "$SCRATCH/after"
stop_broker
