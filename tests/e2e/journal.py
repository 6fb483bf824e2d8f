#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node killed under commit load leaves a journal: journal.py DIR PORT SEED

Apache Kafka refuses to start on the directory, starts after `kafka-storage.sh recover`, and serves every acknowledged
record. Killed again, our own node replays by itself. After a clean stop Apache Kafka starts on it as it is.
"""
import pathlib
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness
import raw
from restart import PARTITIONS, Partition

TOPIC = "journal"
SETTINGS = ["odradek.journal.bytes=8388608", "log.segment.bytes=1048576"]


def fail(text):
    sys.exit(f"not ok journal: {text}")


def check(condition, text):
    if not condition:
        fail(text)


class Directory:
    """One data directory and whoever runs on it, always at the same address: a quorum's voter is known by it."""

    def __init__(self, path, port, dice):
        self.path, self.port, self.dice = path, port or harness.free_ports(2), dice
        self.node = None
        self.partitions = [Partition(TOPIC, i) for i in range(PARTITIONS)]

    @property
    def ring(self):
        return pathlib.Path(self.path) / "data/odradek-journal/0.ring"

    @property
    def parked(self):
        return pathlib.Path(self.path) / "data/.odradek-journal-0"

    def start(self, kind, adopt=True):
        self.node = harness.Node(kind, self.path, self.port, SETTINGS if kind == "odradek" else [])
        self.node.start(adopt=adopt and kind == "kafka")
        return self.node

    def load_and_kill(self):
        """Produces until there is a journal, and a while longer; then the node dies."""
        stop = threading.Event()
        threads = [threading.Thread(target=p.produce, args=(self.port, random.Random(self.dice.random()), stop)) for p in self.partitions]
        for t in threads:
            t.start()
        end = time.monotonic() + 60
        while not self.ring.exists() and time.monotonic() < end:
            time.sleep(0.01)
        there = self.ring.exists()
        time.sleep(self.dice.uniform(0.5, 1.5))
        self.node.kill()
        stop.set()
        for t in threads:
            t.join()
        check(there, "no journal was made under load")
        check(self.ring.exists(), "a killed node left no journal")
        for p in self.partitions:
            check(not p.errors, p.errors[:1])

    def verify(self, who):
        with raw.Connection(self.port) as c:
            c.wait_leader(TOPIC, PARTITIONS)
            for p in self.partitions:
                p.checked, p.last_number = 0, -1
                problem = p.verify(c)
                check(problem is None, f"{who}: {problem}")
        print(f"ok journal/{who} {sum(len(p.acknowledged) for p in self.partitions)} acknowledged records", flush=True)


def refuses(directory):
    try:
        directory.start("kafka")
    except (RuntimeError, subprocess.CalledProcessError):
        log = (pathlib.Path(directory.path) / "log").read_text(errors="replace")
        check("odradek-journal" in log, f"Apache Kafka stopped for another reason:\n{log[-2000:]}")
        print("ok journal/apache-refuses", flush=True)
        return
    directory.node.kill()
    fail("Apache Kafka started on a directory with a pending journal")


def recover(directory):
    """The Apache Kafka that gave up may be still on its way out, holding the lock."""
    end = time.monotonic() + 30
    while True:
        done = subprocess.run([harness.binary(), "kafka-storage", "recover", "--config", f"{directory.path}/server.properties"],
                              capture_output=True, text=True)
        if "is locked by" not in done.stderr or time.monotonic() > end:
            return done
        time.sleep(0.1)


def main():
    seed = int(sys.argv[3])
    print(f"seed {seed}", flush=True)
    directory = Directory(sys.argv[1], int(sys.argv[2]), random.Random(seed))
    try:
        directory.start("odradek")
        with raw.Connection(directory.port) as c:
            c.create_topic(TOPIC, PARTITIONS)
        directory.load_and_kill()
        refuses(directory)
        done = recover(directory)
        check(done.returncode == 0 and "replayed" in done.stdout, f"recover: {done.stdout}{done.stderr}")
        check(not directory.ring.parent.exists() and directory.parked.is_file(), "recover did not park the journal")
        print(f"ok journal/recover {done.stdout.strip()}", flush=True)
        directory.start("kafka")
        directory.verify("apache-after-recover")
        directory.node.stop()

        directory.start("odradek")
        directory.verify("ours-after-apache")
        directory.load_and_kill()
        directory.start("odradek")
        directory.verify("ours-after-kill")
        check("journal replayed" in directory.node.log_tail(200), "the start does not say that it replayed")
        directory.node.stop()
        check(not directory.ring.parent.exists() and directory.parked.is_file(), "a clean stop did not park the journal")
        directory.start("kafka")
        directory.verify("apache-after-clean-stop")
        directory.node.stop()
    finally:
        if directory.node is not None:
            directory.node.kill()


main()
