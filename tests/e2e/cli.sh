#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command-line tools' output beside what Apache Kafka's print: tests/cli/run.sh on a node without topics.
. "$(dirname "$0")/../lib/broker.sh"
[ -x "$ROOT/bin/odradek" ] || { echo "skip cli: no bin/odradek"; exit 0; }
start_broker
status=0
# Under a sanitizer what mostly waits is left out: the tools have one thread, and e2e/verifiable drives the groups.
suites=()
[ -z "${ODRADEK_SLOW:-}" ] || suites=(topics console storage configs admin1 consumer_groups dumplog quorum cluster_tools)
[ "$BROKER" != odradek ] || export PENDING=$ROOT/tests/cli/pending.txt
"$ROOT/tests/cli/run.sh" "$ROOT/bin/odradek" "$BOOTSTRAP" "${suites[@]}" | tee "$SCRATCH/cli" || status=1
[ "$status" -eq 0 ] || die "see the cases above; one again: ONLY=NAME tests/cli/run.sh bin/odradek ADDRESS"
echo "ok cli $(sed -n 's/^cli: \([0-9]*\) as Kafka.*/\1/p' "$SCRATCH/cli") checks"
