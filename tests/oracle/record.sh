#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Record batches against Apache Kafka's own classes.
#   record.sh LIBS [BUILD_DIR]       batches we build (BUILD_DIR/golden_test write) are read by Kafka: no difference
#   record.sh LIBS --golden          writes tests/golden/records/{java-batches,verdicts}.hex anew
#   record.sh LIBS --describe        stdin "NAME HEX" lines to golden form (tests/golden/records/librdkafka.hex came so)
# LIBS is the directory of Kafka 4.3's jars.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
libs=${1:?directory of Kafka\'s jars}
mode=${2:-$here/../../build/debug}
classes=$(mktemp -d)
trap 'rm -r "$classes"' EXIT
javac -nowarn -cp "$libs/*" -d "$classes" "$here/RecordOracle.java"
oracle() { java -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp "$classes:$libs/*" RecordOracle "$@"; }
case $mode in
--golden)
    golden=$here/../golden/records
    mkdir -p "$golden"
    oracle batches > "$golden/java-batches.hex"
    oracle verdicts > "$golden/verdicts.hex" ;;
--describe) oracle describe ;;
*)
    "$mode/golden_test" write > "$classes/ours.hex"
    oracle check < "$classes/ours.hex" ;;
esac
