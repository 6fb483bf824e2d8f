# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by shell tests. `use_broker "${1:-}" [key=value...]` sets BOOTSTRAP: the given address, or a node started here
# (BROKER=odradek, the default, or BROKER=kafka) and stopped at exit. SCRATCH is a directory that goes at exit.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BROKER=${BROKER:-odradek}
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/odradek-test.XXXXXX")
BROKER_PID=
TEST=$(basename "$0" .sh)

finish() {
    local status=$?
    if [ "$status" -ne 0 ] && [ -e "$SCRATCH/node/log" ]; then
        echo "--- the broker's last lines"
        tail -n 25 "$SCRATCH/node/log"
    fi
    [ -z "$BROKER_PID" ] || "$ROOT/tests/node" stop "$BROKER_PID" || status=1
    [ -n "${KEEP:-}" ] || rm -rf "$SCRATCH"
    exit "$status"
}
trap finish EXIT
trap 'echo "not ok $TEST: line $LINENO: $BASH_COMMAND"' ERR

start_broker() { # key=value...
    local answer
    answer=$("$ROOT/tests/node" start "$BROKER" "$SCRATCH/node" "${BROKER_PORT:-0}" "$@")
    read -r BROKER_PID BROKER_PORT <<<"$answer"
    BOOTSTRAP=127.0.0.1:$BROKER_PORT
}

stop_broker() { # -9 to kill it; nothing when it is stopped
    [ -n "$BROKER_PID" ] || return 0
    "$ROOT/tests/node" stop "$BROKER_PID" "$@"
    BROKER_PID=
}

use_broker() { # ADDRESS-or-nothing key=value...
    BOOTSTRAP=$1
    shift
    [ -n "$BOOTSTRAP" ] || start_broker "$@"
}

die() { echo "not ok $TEST: $*"; exit 1; }
