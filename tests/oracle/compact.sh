#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compaction beside Apache Kafka's own Cleaner, over logs of random content: transactions, producers, tombstones, all
# codecs, old formats, maps that do not hold all keys. See CompactOracle.java.
#   compact.sh LIBS PROGRAM [SEEDS]     PROGRAM = build/debug/store_compact_posix_test
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
libs=${1:?directory of Kafka\'s jars}
program=${2:?store_compact_posix_test}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
javac -nowarn -cp "$libs/*" -d "$work" "$here/CompactOracle.java"
# shellcheck disable=SC2046
java -Xmx512m -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp "$work:$libs/*" CompactOracle "$program" "$work" $(seq 1 "${3:-10}")
