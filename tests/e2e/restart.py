#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 under load, again and again: restart.py odradek|kafka DIR ROUNDS SEED

Each partition has one producer that numbers its records and keeps several batches in flight, and one consumer that reads
behind it. After every restart:
- what was acknowledged stands at the offset it was acknowledged with,
- what a consumer was shown at an offset is still there,
- the numbers in a partition rise: nothing was reordered or doubled (a producer never sends a number again).
"""
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import harness
import raw

PARTITIONS = 4
IN_FLIGHT = 4


class Partition:
    def __init__(self, topic, index):
        self.topic, self.index = topic, index
        self.next_number = 0
        self.acknowledged = {}   # offset -> number
        self.shown = {}          # offset -> number
        self.checked = 0         # every offset below was compared after an earlier restart
        self.last_number = -1    # the number at checked - 1
        self.errors = []

    def value(self, number):
        return f"{self.index}:{number}:".encode() + b"x" * (number % 400)

    @staticmethod
    def number(value):
        return int(value.split(b":")[1])

    def produce(self, port, dice, stop):
        """Sends until the broker is gone. An error answer while it lives is a fault; a lost connection is what we are after."""
        try:
            with raw.Connection(port) as c:
                flying = []
                while not stop.is_set():
                    while len(flying) < IN_FLIGHT:
                        count = dice.randint(1, 10)
                        numbers = list(range(self.next_number, self.next_number + count))
                        self.next_number += count
                        c.send_produce(self.topic, self.index, raw.batch([self.value(n) for n in numbers]))
                        flying.append(numbers)
                    base = c.receive_produce()
                    for i, number in enumerate(flying.pop(0)):
                        self.acknowledged[base + i] = number
        except raw.ErrorCode as problem:
            self.errors.append(f"partition {self.index}: {problem}")
        except OSError:
            pass

    def consume(self, port, stop):
        position = max(self.shown, default=-1) + 1
        try:
            with raw.Connection(port) as c:
                while not stop.is_set():
                    _, data = c.fetch(self.topic, self.index, position)
                    for offset, value in raw.records_of(data):
                        if offset >= position:
                            self.shown[offset] = self.number(value)
                            position = offset + 1
        except raw.ErrorCode as problem:
            self.errors.append(f"reading partition {self.index}: {problem}")
        except OSError:
            pass

    def verify(self, connection):
        """Compares what came back since the last time; returns what is wrong, or None."""
        rows = connection.read(self.topic, self.index, self.checked)
        found = dict((offset, self.number(value)) for offset, value in rows)
        end = rows[-1][0] + 1 if rows else self.checked
        for name, expected in (("acknowledged", self.acknowledged), ("shown to a consumer", self.shown)):
            for offset, number in expected.items():
                if offset >= self.checked and found.get(offset) != number:
                    return f"partition {self.index}, offset {offset}: record {number} was {name}, now there is {found.get(offset)} (end {end})"
        for offset, value in rows:
            number = self.number(value)
            if number <= self.last_number or value != self.value(number):
                return f"partition {self.index}, offset {offset}: record {number} after {self.last_number}"
            self.last_number = number
        self.checked = end
        return None


def main():
    kind, directory, rounds, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    dice = random.Random(seed)
    print(f"seed {seed}, {rounds} rounds", flush=True)
    # Small segments and indexes, so that kills fall into rolls too.
    node = harness.Node(kind, directory, settings=["log.segment.bytes=1048576", "log.index.interval.bytes=512"]).start()
    topic = "restart"
    with raw.Connection(node.port) as c:
        c.create_topic(topic, PARTITIONS)
    partitions = [Partition(topic, i) for i in range(PARTITIONS)]
    slowest_s = 0.0
    for turn in range(rounds):
        stop = threading.Event()
        threads = [threading.Thread(target=p.produce, args=(node.port, random.Random(dice.random()), stop)) for p in partitions]
        threads += [threading.Thread(target=p.consume, args=(node.port, stop)) for p in partitions]
        for t in threads:
            t.start()
        time.sleep(dice.uniform(0.01, 0.5))
        node.kill()
        stop.set()
        for t in threads:
            t.join()
        begun = time.monotonic()
        node.start()
        with raw.Connection(node.port) as c:
            c.wait_leader(topic, PARTITIONS)
            slowest_s = max(slowest_s, time.monotonic() - begun)
            for p in partitions:
                problem = p.errors[0] if p.errors else p.verify(c)
                if problem:
                    node.kill()
                    sys.exit(f"not ok restart: round {turn + 1}, seed {seed}: {problem}")
    # Once more from offset 0: what earlier restarts had found must not have been touched by later ones.
    for p in partitions:
        p.checked, p.last_number = 0, -1
    with raw.Connection(node.port) as c:
        for p in partitions:
            problem = p.verify(c)
            if problem:
                node.kill()
                sys.exit(f"not ok restart: at the end, seed {seed}: {problem}")
    node.stop()
    acknowledged = sum(len(p.acknowledged) for p in partitions)
    if acknowledged < rounds:
        sys.exit(f"not ok restart: only {acknowledged} records were acknowledged in {rounds} rounds; the load did not run")
    print(f"ok restart/kill-9 {rounds} rounds, {acknowledged} records acknowledged, {sum(len(p.shown) for p in partitions)} shown,"
          f" slowest start {slowest_s:.2f} s")


if __name__ == "__main__":
    main()
