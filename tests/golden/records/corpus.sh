#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# corpus.sh DIR: seeds for the record room's fuzzers out of the golden files beside this script.
#   DIR/batch                              for batch_fuzz: an options byte and the records field of a request
#   DIR/compress_{gzip,snappy,lz4,zstd}    what stands behind the batch header of compressed batches
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?directory for the seeds}
codecs=(none gzip snappy lz4 zstd)
mkdir -p "$out"/batch "$out"/compress_{gzip,snappy,lz4,zstd}
count=0
cat "$here"/{java-batches,librdkafka}.hex | while read -r word name hex; do
    [ "$word" = batch ] || continue
    count=$((count + 1))
    printf '10%s' "$hex" | xxd -r -p > "$out/batch/$name"
    printf '%02x%s' $((count % 5)) "$hex" | xxd -r -p > "$out/batch/$name-other"
    codec=${codecs[$((16#${hex:45:1} & 7))]}
    [ "$codec" = none ] || printf '%s' "${hex:122}" | xxd -r -p > "$out/compress_$codec/$name"
done
awk '$1 == "case" { name = $2 } $1 == "i" && name !~ /^changed/ { print name, $2 }' "$here/verdicts.hex" |
    while read -r name hex; do printf '90%s' "$hex" | xxd -r -p > "$out/batch/verdict-$name"; done
