#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Transactions in the log, step by step, against Apache Kafka's UnifiedLog (TxnOracle.java says what a step is).
#   txn.sh LIBS [BUILD_DIR]       fresh sequences, many times what the golden file has, and ours beside them
#   txn.sh LIBS --golden          writes tests/golden/store/transactions.txt anew
# LIBS is the directory of Kafka 4.3's jars.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
libs=${1:?directory of Kafka\'s jars}
mode=${2:-$here/../../build/debug}
classes=$(mktemp -d)
trap 'rm -r "$classes"' EXIT
javac -nowarn -cp "$libs/*" -d "$classes" "$here/TxnOracle.java"
oracle() { java -Xmx512m -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp "$classes:$libs/*" TxnOracle "$@"; }
if [ "$mode" = --golden ]; then
    oracle 16 250 >"$here/../golden/store/transactions.txt"
else
    oracle 40 400 >"$classes/sequences"
    ODRADEK_TRANSACTIONS=$classes/sequences "$mode/store_txn_golden_test"
fi
