#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 at random moments under load; see restart.py. ROUNDS=N and SEED=N choose how often and when.
. "$(dirname "$0")/../lib/broker.sh"
rounds=50
[ -z "${ODRADEK_LONG:-}" ] || rounds=500
[ -z "${ODRADEK_SLOW:-}" ] || rounds=5
[ "$BROKER" = odradek ] || rounds=3
python3 "$ROOT/tests/e2e/restart.py" "$BROKER" "$SCRATCH/node" "${ROUNDS:-$rounds}" "${SEED:-$RANDOM}"
