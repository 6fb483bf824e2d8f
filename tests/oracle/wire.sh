#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every message in every version against Apache Kafka's own classes: their random instances decode to the JSON that
# their converters print, and that JSON encodes to the bytes that they read from it.
#   wire.sh LIBS [SEED [INSTANCES]]      LIBS: directory of Kafka 4.3's jars; INSTANCES of each message and version (10)
#   wire.sh LIBS --golden                writes tests/golden/wire/java.tsv anew
# ODRADEK_BIN is asked (default bin/odradek).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
libs=${1:?directory of Kafka\'s jars}
seed=${2:-1}
instances=${3:-10}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
javac -nowarn -cp "$libs/*" -d "$work" "$here/WireOracle.java"
oracle() { java -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp "$work:$libs/*" WireOracle "$libs" "$@"; }
if [ "$seed" = --golden ]; then
    mkdir -p "$here/../golden/wire"
    # One instance, the shortest of several that says something, keeps the file small.
    oracle 1 10 | python3 "$here/wire_compare.py" --shortest 24 >"$here/../golden/wire/java.tsv"
    exit
fi
oracle "$seed" "$instances" >"$work/theirs.tsv"
python3 "$here/wire_compare.py" "${ODRADEK_BIN:-$here/../../bin/odradek}" <"$work/theirs.tsv"
