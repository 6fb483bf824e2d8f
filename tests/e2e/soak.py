#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node under load, killed again and again: soak.py odradek|kafka DIR SECONDS PORT SEED

Topic `deleted` loses its oldest segments by size, topic `compacted` all but the newest value of each key; segments are
small, so that kills fall into rolls, removals and rounds of compaction too. After every restart
- what was acknowledged in `deleted` stands at its offset, or lies below the log start; the log start never falls behind
  what was compared before, and nothing is reordered or doubled;
- in `compacted` each key has the value that was acknowledged last, or a later one that was sent without an answer, and
  each record that is there was sent at that key.
"""
import pathlib
import random
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness
import raw
from restart import Partition

PARTITIONS, IN_FLIGHT, KEYS = 2, 4, 200
SETTINGS = ["log.index.interval.bytes=512", "log.retention.check.interval.ms=500", "log.initial.task.delay.ms=200", "log.cleaner.backoff.ms=200", "log.segment.delete.delay.ms=500",
            "odradek.journal.bytes=8388608"]
SMALL = [("segment.bytes", "1048576"), ("file.delete.delay.ms", "500")]
DELETED = SMALL + [("cleanup.policy", "delete"), ("retention.bytes", "2097152")]
COMPACTED = SMALL + [("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.01")]


def keyed_batch(pairs):
    """One uncompressed batch of records with keys."""
    now_ms = int(time.time() * 1000)
    records = bytearray()
    for i, (key, value) in enumerate(pairs):
        body = b"\0" + raw.varint(0) + raw.varint(i) + raw.varint(len(key)) + key + raw.varint(len(value)) + value + raw.varint(0)
        records += raw.varint(len(body)) + body
    tail = struct.pack(">hiqqqhii", 0, len(pairs) - 1, now_ms, now_ms, -1, -1, -1, len(pairs)) + records
    return struct.pack(">qiibI", 0, 9 + len(tail), -1, 2, raw.crc32c(tail)) + tail


def end_of(data):
    """The offset behind the last whole batch: compaction leaves batches without records."""
    at, end = 0, None
    while at + 61 <= len(data):
        base, length = struct.unpack_from(">qi", data, at)
        if at + 12 + length > len(data):
            break
        end = base + struct.unpack_from(">i", data, at + 23)[0] + 1
        at += 12 + length
    return end


def read_all(connection, topic, index, begin):
    """[(offset, value)] of a log with gaps, up to its end."""
    end = connection.offset(topic, index, raw.LATEST)
    rows = []
    while begin < end:
        _, data = connection.fetch(topic, index, begin)
        following = end_of(data)
        if following is None or following <= begin:
            raise ConnectionError(f"nothing at {topic}-{index} offset {begin}, though its end is {end}")
        rows += [row for row in raw.records_of(data) if begin <= row[0] < end]
        begin = following
    return rows


class Deleted(Partition):
    """restart.py's partition, whose beginning goes."""

    def verify(self, connection):
        # Retention goes on meanwhile: what it takes from under a read is looked for again.
        for _ in range(20):
            start = connection.offset(self.topic, self.index, raw.EARLIEST)
            self.checked = max(self.checked, start)
            for found in (self.acknowledged, self.shown):
                for offset in [o for o in found if o < self.checked]:
                    del found[offset]
            try:
                return super().verify(connection)
            except raw.ErrorCode as problem:
                if problem.code != 1:  # OFFSET_OUT_OF_RANGE
                    raise
        return f"partition {self.index}: retention is faster than twenty reads"

    def verify_whole(self, connection):
        self.last_number = -1
        self.checked = connection.offset(self.topic, self.index, raw.EARLIEST)
        return self.verify(connection)


class Compacted:
    """Values carry their key and a number that rises with each send; a key's records keep that order."""

    def __init__(self, topic, index):
        self.topic, self.index = topic, index
        self.next_number = self.acknowledged_count = 0
        self.acknowledged = {}  # key -> (offset, number) of the newest
        self.errors = []

    def produce(self, port, dice, stop):
        try:
            with raw.Connection(port) as c:
                flying = []
                while not stop.is_set():
                    while len(flying) < IN_FLIGHT:
                        sent = []
                        for _ in range(dice.randint(1, 10)):
                            sent.append((dice.randrange(KEYS), self.next_number))
                            self.next_number += 1
                        c.send_produce(self.topic, self.index, keyed_batch([(b"%d" % k, self.value(k, n)) for k, n in sent]))
                        flying.append(sent)
                    base = c.receive_produce()
                    for i, (key, number) in enumerate(flying.pop(0)):
                        self.acknowledged[key] = (base + i, number)
                        self.acknowledged_count += 1
        except raw.ErrorCode as problem:
            self.errors.append(f"{self.topic}-{self.index}: {problem}")
        except OSError:
            pass

    @staticmethod
    def value(key, number):
        return b"%d:%d:" % (key, number) + b"y" * (number % 900)

    def verify(self, connection):
        newest = {}
        last = -1
        for offset, value in read_all(connection, self.topic, self.index, 0):
            key, number = (int(x) for x in value.split(b":")[:2])
            if number <= last or number >= self.next_number or value != self.value(key, number):
                return f"{self.topic}-{self.index}, offset {offset}: record {number} of key {key} after {last}"
            last = number
            newest[key] = (offset, number)
        for key, (offset, number) in self.acknowledged.items():
            found = newest.get(key)
            if found is None or found[1] < number or (found[1] == number and found[0] != offset):
                return f"{self.topic}-{self.index}: key {key} was acknowledged with {number} at {offset}, now it has {found}"
        return None

    verify_whole = verify


def start_and_verify(node, logs, whole=False):
    """The node is up; returns what is wrong, or None, and how long its leaders took."""
    begun = time.monotonic()
    with raw.Connection(node.port) as c:
        for topic in ("deleted", "compacted"):
            c.wait_leader(topic, PARTITIONS)
        ready_s = time.monotonic() - begun
        for log in logs:
            problem = log.errors[0] if log.errors else log.verify_whole(c) if whole else log.verify(c)
            if problem:
                return problem, ready_s
    return None, ready_s


def one_round(node, logs, dice):
    """Load, and a kill in the middle of it."""
    stop = threading.Event()
    threads = [threading.Thread(target=log.produce, args=(node.port, random.Random(dice.random()), stop)) for log in logs]
    threads += [threading.Thread(target=log.consume, args=(node.port, stop)) for log in logs if isinstance(log, Deleted)]
    for t in threads:
        t.start()
    time.sleep(dice.uniform(0.05, 3))
    node.kill()
    stop.set()
    for t in threads:
        t.join()


def soak(node, seconds, seed):
    dice = random.Random(seed)
    with raw.Connection(node.port) as c:
        c.create_topic("deleted", PARTITIONS, DELETED)
        c.create_topic("compacted", PARTITIONS, COMPACTED)
    deleted = [Deleted("deleted", i) for i in range(PARTITIONS)]
    compacted = [Compacted("compacted", i) for i in range(PARTITIONS)]
    logs = deleted + compacted
    rounds = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        one_round(node, logs, dice)
        node.start()
        rounds += 1
        problem, _ = start_and_verify(node, logs)
        if problem:
            return f"round {rounds}: {problem}"
    node.stop()
    node.start()
    problem, _ = start_and_verify(node, logs, whole=True)
    if problem:
        return f"after a clean stop: {problem}"
    with raw.Connection(node.port) as c:
        starts = [c.offset("deleted", i, raw.EARLIEST) for i in range(PARTITIONS)]
        left = sum(len(read_all(c, "compacted", i, 0)) for i in range(PARTITIONS))
    node.stop()
    sent = sum(p.next_number for p in deleted)
    written = sum(p.acknowledged_count for p in compacted)
    print(f"ok soak/kill-9 {rounds} rounds, {sent} records sent to `deleted`, log starts {starts}, {written} acknowledged in `compacted`, {left} left")
    if seconds >= 30 and (min(starts) == 0 or left >= written):
        return "nothing was deleted or compacted: the load did not run"
    return None


def main():
    kind, directory, seconds, port, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    print(f"seed {seed}, {seconds} s", flush=True)
    node = harness.Node(kind, directory, port, settings=SETTINGS if kind == "odradek" else SETTINGS[:-1]).start()
    try:
        problem = soak(node, seconds, seed)
    finally:
        node.kill()
    if problem:
        sys.exit(f"not ok soak: seed {seed}: {problem}")


if __name__ == "__main__":
    main()
