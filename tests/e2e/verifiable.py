#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What verifiable tools said: verifiable.py equal|all|acked PRODUCED CONSUMED

equal: what was acknowledged is what was consumed, each once; all: each acknowledged record was consumed; acked: prints how
many were acknowledged. A record is its partition, offset, key and value.
"""
import json
import sys


def events(path, name):
    with open(path, encoding="utf-8") as f:
        for line in f:
            # The last line of a process that was killed may be cut; log lines are not JSON.
            if line.startswith("{") and line.endswith("}\n"):
                event = json.loads(line)
                if event["name"] == name:
                    yield event["partition"], event["offset"], event["key"], event["value"]


verb, produced, consumed = sys.argv[1:4]
acked = list(events(produced, "producer_send_success"))
if verb == "acked":
    print(len(acked))
    sys.exit(0)
shown = list(events(consumed, "record_data"))
missing = sorted(set(acked) - set(shown))
more = sorted(set(shown) - set(acked))
if missing:
    sys.exit(f"{len(missing)} of {len(acked)} acknowledged records are missing, first {missing[0]}")
if verb == "equal" and (more or len(shown) != len(acked)):
    sys.exit(f"{len(shown)} records were shown, {len(acked)} acknowledged" + (f", first beyond them {more[0]}" if more else ""))
print(f"{len(acked)} acknowledged, {len(shown)} shown")
