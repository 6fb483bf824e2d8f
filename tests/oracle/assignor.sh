#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Our assignors beside Java's on random groups.
#   assignor.sh LIBS BUILD [SEED [CASES]]    BUILD: where assignor_test is
#   assignor.sh LIBS --golden                writes tests/golden/assignor anew
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
libs=${1:?directory of Kafka\'s jars} build=${2:?build directory or --golden}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
javac -nowarn -cp "$libs/*" -d "$work" "$here/AssignorOracle.java" 2>/dev/null
oracle() { java -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp "$work:$libs/*" AssignorOracle "$@"; }
if [ "$build" = --golden ]; then
    mkdir -p "$here/../golden/assignor"
    oracle 1 24 > "$here/../golden/assignor/java.txt"
    oracle bytes > "$here/../golden/assignor/bytes.txt"
    exit
fi
oracle "${3:-2}" "${4:-600}" > "$work/cases"
"$build/assignor_test" "$work/cases"
