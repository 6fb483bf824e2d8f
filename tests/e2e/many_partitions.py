#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""many_partitions.py write|read PORT PID: fills 1,000 partitions in requests that name them all, and reads them back so.

The node of process PID must never hold more than half of the 300 descriptors it may have for its logs, plus what it has
for itself and for us.
"""
import os
import pathlib
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import raw

TOPIC, PARTITIONS, ROUNDS = "many", 1000, 3
DESCRIPTORS_MAX = 290


def value(partition, number):
    return f"{partition}:{number}".encode()


def produce_to_all(c, number):
    body = struct.pack(">hhi", -1, -1, 60000) + struct.pack(">i", 1) + raw.string(TOPIC) + struct.pack(">i", PARTITIONS)
    for p in range(PARTITIONS):
        data = raw.batch([value(p, number)])
        body += struct.pack(">ii", p, len(data)) + data
    answer = c.ask(raw.PRODUCE, 3, body)
    at = 4 + 2 + len(TOPIC) + 4
    for _ in range(PARTITIONS):
        p, code, base = struct.unpack_from(">ihq", answer, at)
        if code or base != number:
            sys.exit(f"not ok partition {p}: error {code}, base offset {base}, expected {number}")
        at += 22


def fetch_all(c, offsets):
    """One request for all that is missing yet; advances `offsets` and returns what came."""
    wanted = [p for p in range(PARTITIONS) if offsets[p] < ROUNDS]
    body = struct.pack(">iiiib", -1, 200, 1, 50 << 20, 0) + struct.pack(">i", 1) + raw.string(TOPIC)
    body += struct.pack(">i", len(wanted)) + b"".join(struct.pack(">iqi", p, offsets[p], 1 << 20) for p in wanted)
    answer = c.ask(raw.FETCH, 4, body)
    at = 8 + 2 + len(TOPIC) + 4
    came = 0
    for _ in wanted:
        p, code, _, _, aborted = struct.unpack_from(">ihqqi", answer, at)
        at += 26 + max(aborted, 0) * 16
        size = struct.unpack_from(">i", answer, at)[0]
        if code:
            sys.exit(f"not ok partition {p}: Fetch answered error {code}")
        for offset, content in raw.records_of(answer[at + 4:at + 4 + max(size, 0)]):
            if offset < offsets[p]:
                continue
            if offset != offsets[p] or content != value(p, offset):
                sys.exit(f"not ok partition {p} offset {offset}: {content!r}")
            offsets[p] += 1
            came += 1
        at += 4 + max(size, 0)
    return came


def watch(pid, stop, most):
    while not stop.wait(0.002):
        most[0] = max(most[0], len(os.listdir(f"/proc/{pid}/fd")))


def main(verb, port, pid):
    stop, most = threading.Event(), [0]
    watcher = threading.Thread(target=watch, args=(pid, stop, most))
    watcher.start()
    try:
        with raw.Connection(port, timeout_s=120) as c:
            if verb == "write":
                c.create_topic(TOPIC, PARTITIONS)
                for number in range(ROUNDS):
                    produce_to_all(c, number)
            offsets = [0] * PARTITIONS
            while min(offsets) < ROUNDS:
                if fetch_all(c, offsets) == 0:
                    sys.exit(f"not ok {sum(o < ROUNDS for o in offsets)} partitions show nothing, though it is there")
    finally:
        stop.set()
        watcher.join()
    if most[0] > DESCRIPTORS_MAX:
        sys.exit(f"not ok {most[0]} descriptors were open")
    print(f"{verb}: at most {most[0]} descriptors for {PARTITIONS} partitions")


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
