#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A pending journal between two brokers; see journal.py.
. "$(dirname "$0")/../lib/broker.sh"
[ "$BROKER" = odradek ] || { echo "skip $TEST: the journal is ours"; exit 0; }
"$ROOT/tests/oracle/kafka" fetch
python3 "$ROOT/tests/e2e/journal.py" "$SCRATCH/node" "${BROKER_PORT:-0}" "${SEED:-$RANDOM}"
