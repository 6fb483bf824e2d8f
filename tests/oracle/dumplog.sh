#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Apache Kafka's own DumpLogSegments over every partition directory in DIR: each batch and record, each index entry
# against its log, each producer snapshot. Prints what it looked at; any fault is printed and ends with 1.
#   dumplog.sh LIBS DIR [compacted]      compacted: offsets may be missing in between
# LIBS is the directory of Kafka 4.3's jars. A directory to look at: ODRADEK_DUMP_DIR=DIR build/debug/store_posix_test
set -euo pipefail
libs=${1:?directory of Kafka\'s jars}
dir=${2:?log directory}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
# A fault may end the tool with an exception, which is then in its output.
dump() { java -cp "$libs/*" org.apache.kafka.tools.DumpLogSegments "$@" || echo "exception: exit code $?"; }
# Comma-separated files of the given endings that hold something (Kafka maps an index, and cannot map 0 bytes).
files() {
    local pattern=() ending
    for ending in "$@"; do pattern+=(-o -name "*.$ending"); done
    find "$dir" -mindepth 2 -maxdepth 2 -size +0c \( "${pattern[@]:1}" \) ! -path '*/__cluster_metadata-0/*' | sort | paste -sd,
}
logs=$(files log)
indexes=$(files index timeindex)
transactions=$(files txnindex)
snapshots=$(files snapshot)
[ -n "$logs" ] || { echo "no segment with content in $dir"; exit 1; }
[ -z "$snapshots" ] || dump --files "$snapshots" >> "$out" 2>&1
if [ -n "$transactions" ]; then
    dump --files "$transactions" > "$out.txn" 2>&1
    entries=$(find "$dir" -mindepth 2 -maxdepth 2 -name '*.txnindex' -printf '%s\n' | awk '{n += $1 / 34} END {print n}')
    shown=$(grep -c '^version: 0 producerId: .* lastStableOffset: ' "$out.txn" || true)
    cat "$out.txn" >> "$out"
    rm "$out.txn"
    [ "$shown" = "$entries" ] || { echo "aborted transactions: $shown of $entries shown"; cat "$out"; exit 1; }
fi
if [ -n "$indexes" ]; then
    dump --files "$indexes" >> "$out" 2>&1
    dump --index-sanity-check --files "$indexes" >> "$out" 2>&1
    dump --verify-index-only --files "$indexes" >> "$out" 2>&1
    wanted=$(tr , '\n' <<< "$indexes" | wc -l)
    passed=$(grep -c 'passed sanity check' "$out" || true)
    [ "$passed" = "$wanted" ] || { echo "index sanity: $passed of $wanted passed"; cat "$out"; exit 1; }
fi
dump --deep-iteration --files "$logs" >> "$out" 2>&1
batches=$(grep -c '^baseOffset: .* isvalid: true' "$out" || true)
records=$(grep -c '^| offset: ' "$out" || true)
# The tool starts every log at -1, so it reports "-1 is followed by BASE" for each segment that does not begin at 0: those
# pairs are no faults, any other is.
faults='isvalid: false|[Mm]ismatch|Found timestamp|out of order|[Ee]xception|corrupt|trailing bytes|invalid bytes|Found [0-9]+ invalid'
[ "${3:-}" = compacted ] || faults+='|^ +[0-9]+ is followed by'
if grep -nE "$faults" "$out"; then
    echo "DumpLogSegments found faults in $dir"
    exit 1
fi
[ "$batches" -gt 0 ] || { echo "no batch was read"; cat "$out"; exit 1; }
echo "no fault: $(tr , '\n' <<< "$logs" | wc -l) segments, $batches batches, $records records," \
     "$(tr , '\n' <<< "$indexes" | grep -c . || true) index files, $(tr , '\n' <<< "$snapshots" | grep -c . || true) snapshots"
