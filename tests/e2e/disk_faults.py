#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults of a real disk: disk_faults.py SCRATCH limit|full|read_only|io_error|slow

SCRATCH/disk is a file system of its own, 16 MiB (not for limit). A node writes until the fault stops it: it ends by itself with
status 1, its log says what happened and what to do, a client hears KAFKA_STORAGE_ERROR or loses its connection, and after the
fault is mended a start serves exactly the acknowledged records, at their offsets, and takes more; also after kill -9.
"""
import fcntl
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import harness
import raw

KAFKA_STORAGE_ERROR = 56
EXT4_IOC_SHUTDOWN = 0x8004587D
SHUTDOWN_WITHOUT_LOG_FLUSH = 2  # as if the power had gone, with the machine still up
LIMIT_BYTES = 3 << 20
TOPIC = "faults"
PARTITIONS = 2

scratch, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
disk = scratch / "disk"


def fail(text, node=None):
    if node is not None:
        text += f"\n{node.log_tail(30)}"
        node.kill()
    sys.exit(f"not ok disk_full/{kind}: {text}")


class Node(harness.Node):
    """Its log and settings lie beside the disk that fails."""

    def __init__(self, settings=()):
        super().__init__("odradek", scratch / kind, settings=settings)

    @property
    def data(self):
        return self.directory / "data" if kind == "limit" else disk / kind

    def expect_end(self, *needles):
        if not self.wait_end(30):
            fail("the node goes on", self)
        status = self.process.wait()
        text = (self.directory / "log").read_text(errors="replace")
        if status != 1:
            fail(f"the node ended with {status}, not 1", self)
        for needle in needles:
            if needle not in text:
                fail(f"the log does not say \"{needle}\"", self)
        self.pid = self.process = None
        (self.directory / "log").rename(self.directory / f"log.{time.monotonic_ns()}")


class Load:
    def __init__(self):
        self.next_number = 0
        self.acknowledged = [{} for _ in range(PARTITIONS)]  # offset -> number
        self.outcome = None

    @staticmethod
    def value(number):
        return f"{number}:".encode() + b"x" * (4000 + number % 8000)

    def run(self, port, batches):
        """Until an error, or as many batches as given."""
        try:
            with raw.Connection(port) as c:
                for i in range(batches):
                    partition = i % PARTITIONS
                    numbers = range(self.next_number, self.next_number + 20)
                    self.next_number += 20
                    base = c.produce(TOPIC, partition, [self.value(n) for n in numbers])
                    for at, number in enumerate(numbers):
                        self.acknowledged[partition][base + at] = number
        except raw.ErrorCode as problem:
            self.outcome = problem.code
        except OSError:
            self.outcome = "closed"

    def verify(self, node):
        with raw.Connection(node.port) as c:
            c.wait_leader(TOPIC, PARTITIONS)
            for partition, acknowledged in enumerate(self.acknowledged):
                found = dict(c.read(TOPIC, partition))
                for offset, number in acknowledged.items():
                    if found.get(offset) != self.value(number):
                        fail(f"partition {partition} offset {offset}: record {number} was acknowledged, now there is {found.get(offset, b'')[:20]}", node)
                last = -1
                for offset in sorted(found):
                    number = int(found[offset].split(b":")[0])
                    if found[offset] != self.value(number) or number <= last:
                        fail(f"partition {partition} offset {offset}: record {number} behind {last}", node)
                    last = number

    def count(self):
        return sum(len(a) for a in self.acknowledged)


def sound_start(node, load):
    try:
        node.start()
        load.verify(node)
    except (OSError, RuntimeError, raw.ErrorCode) as problem:
        fail(f"after the disk was mended: {problem}", node)


def finish(node, load):
    """It serves and takes more, kill -9 costs nothing, and a clean stop is one."""
    before = load.count()
    sound_start(node, load)
    load.outcome = None
    load.run(node.port, 20)
    if load.outcome is not None:
        fail(f"after the disk was mended: {load.outcome}", node)
    node.kill()
    sound_start(node, load)
    node.stop()
    print(f"ok disk_full/{kind} {before} records acknowledged before, {load.count()} in all", flush=True)


def begin(node):
    load = Load()
    node.start()
    with raw.Connection(node.port) as c:
        c.create_topic(TOPIC, PARTITIONS)
    return load


def expect_refusal(node, load):
    if load.outcome not in (KAFKA_STORAGE_ERROR, "closed"):
        fail(f"the client heard {load.outcome}", node)
    if load.count() == 0:
        fail("nothing was acknowledged before", node)


def try_start(node):
    """On a disk that is not mended: an end with status 1, or a node that is killed again. Returns its end's log."""
    try:
        node.start()
    except RuntimeError:
        pass
    ended = node.wait_end(2)
    if ended and node.process.wait() != 1:
        fail(f"a start on that disk ended with {node.process.wait()}", node)
    text = node.log_tail(100)
    node.kill()
    return ended, text


def limit():
    plain = harness.binary()
    wrapper = scratch / "limited"
    wrapper.write_text(f"#!/bin/sh\nexec prlimit --fsize={LIMIT_BYTES} -- {plain} \"$@\"\n")
    wrapper.chmod(0o755)
    node = Node()
    os.environ["ODRADEK_BIN"] = str(wrapper)
    load = begin(node)
    load.run(node.port, 10000)
    expect_refusal(node, load)
    node.expect_end("File too large", "log directory offline path=", "A file may not grow any more")
    os.environ["ODRADEK_BIN"] = plain
    finish(node, load)


def full():
    node = Node()
    ballast = disk / "ballast"
    node.directory.mkdir(parents=True, exist_ok=True)
    ballast.write_bytes(b"b" * (3 << 20))
    load = begin(node)
    load.run(node.port, 10000)
    expect_refusal(node, load)
    node.expect_end("No space left on device", "log directory offline path=", "No space left on it (", "MiB free")
    for _ in range(2):
        try_start(node)
    ballast.unlink()
    finish(node, load)


def read_only():
    node = Node()
    load = begin(node)
    load.run(node.port, 50)
    node.kill()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    ended, text = try_start(node)
    if not ended or "read-only file system" not in text:
        fail(f"a start on a read-only file system does not end, or does not say so:\n{text}")
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    finish(node, load)


def mount_again():
    subprocess.run(["umount", disk], check=True)
    subprocess.run(["mount", "-o", "loop", scratch / "image", disk], check=True)


def io_error():
    node = Node()
    load = begin(node)
    threading.Timer(1.0, shut_down).start()
    load.run(node.port, 1000000)
    expect_refusal(node, load)
    node.expect_end("Input/output error", "log directory offline path=", "See dmesg")
    mount_again()
    finish(node, load)


def shut_down():
    fd = os.open(disk, os.O_RDONLY)
    fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", SHUTDOWN_WITHOUT_LOG_FLUSH))
    os.close(fd)


def slow():
    node = Node()
    load = begin(node)
    load.run(node.port, 10)
    subprocess.run(["fsfreeze", "-f", disk], check=True)
    threading.Timer(6.5, lambda: subprocess.run(["fsfreeze", "-u", disk], check=True)).start()
    begun = time.monotonic()
    load.run(node.port, 10)
    took_s = time.monotonic() - begun
    if load.outcome is not None:
        fail(f"a disk that hangs for a while: {load.outcome}", node)
    text = node.log_tail(1000)
    if took_s > 6 and "the disk is slow" not in text:
        fail("nothing in the log about the disk that hung", node)
    node.kill()
    finish(node, load)


{"limit": limit, "full": full, "read_only": read_only, "io_error": io_error, "slow": slow}[kind]()
