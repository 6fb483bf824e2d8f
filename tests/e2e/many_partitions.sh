#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# More partitions than descriptors: a node that may open 300 files serves 1,000 partitions; see many_partitions.py.
. "$(dirname "$0")/../lib/broker.sh"
[ "$BROKER" = odradek ] || { echo "skip $TEST: Apache Kafka keeps every file of every partition open"; exit 0; }
ulimit -n 300
start_broker
python3 "$ROOT/tests/e2e/many_partitions.py" write "$BROKER_PORT" "$BROKER_PID"
stop_broker
start_broker
python3 "$ROOT/tests/e2e/many_partitions.py" read "$BROKER_PORT" "$BROKER_PID"
stop_broker -9
start_broker
python3 "$ROOT/tests/e2e/many_partitions.py" read "$BROKER_PORT" "$BROKER_PID"
echo "ok $TEST"
