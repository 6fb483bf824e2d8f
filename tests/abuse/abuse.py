#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that mean ill, or are broken, beside one that does its work.

    tests/abuse/abuse.py [NAME...]      the attacks named, by default all; BROKER=kafka attacks Apache Kafka (no memory bound)

The healthy client produces and reads back all the time and must see no error and never wait longer than PATIENCE_S. The
broker's resident memory must stay below 64 MiB plus the budget it was given for requests.
"""
import os
import pathlib
import random
import resource
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import harness
import raw

KIND = os.environ.get("BROKER", "odradek")
SLOW = bool(os.environ.get("ODRADEK_SLOW"))
BUDGET_MIB = 64
BOUND_MIB = 64 + BUDGET_MIB
PATIENCE_S = 20 if SLOW else 10


class Healthy(threading.Thread):
    """Produces a record, reads it back, over one connection it must never lose."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.stop, self.problem = port, threading.Event(), None
        self.turns, self.slowest_s = 0, 0.0
        with raw.Connection(port) as c:
            c.create_topic("healthy", 1)

    def run(self):
        try:
            with raw.Connection(self.port, timeout_s=PATIENCE_S) as c:
                while not self.stop.is_set():
                    begun = time.monotonic()
                    value = f"turn {self.turns}".encode()
                    base = c.produce("healthy", 0, [value])
                    rows = c.read("healthy", 0, base, base + 1)
                    if rows != [(base, value)]:
                        raise ConnectionError(f"sent {value!r} to offset {base}, read {rows}")
                    self.turns += 1
                    self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
                    self.stop.wait(0.01)
        except Exception as problem:
            self.problem = f"{type(problem).__name__}: {problem}"

    def finish(self):
        self.stop.set()
        self.join()


class Memory(threading.Thread):
    """The most the broker ever held, and the first moment it was gone."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.stop, self.peak_kib, self.gone = node, threading.Event(), 0, False

    def run(self):
        while not self.stop.wait(0.02):
            try:
                self.peak_kib = max(self.peak_kib, harness.rss_kib(self.node.pid))
            except OSError:
                self.gone = True
                return


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def send(s, data):
    """A broker may hang up on what it cannot read: that is its right."""
    try:
        s.sendall(data)
    except OSError:
        pass


def ended(s, timeout_s):
    """Did the broker close this connection?"""
    s.settimeout(timeout_s)
    try:
        while True:
            if not s.recv(65536):
                return True
    except socket.timeout:
        return False
    except OSError:
        return True


def garbage(port, dice):
    for turn in range(200):
        s = connect(port)
        data = dice.randbytes(dice.randint(1, 20000))
        if turn % 2:
            # A believable length, so that the decoder and not the length check meets the rest.
            key, version = dice.choice([0, 1, 2, 3, 18, 19, 20, 22, 32, 60, dice.randint(0, 100)]), dice.randint(0, 18)
            data = struct.pack(">ihhi", len(data) + 8, key, version, turn) + data
        send(s, data)
        if turn % 4 < 2:
            s.shutdown(socket.SHUT_WR)
            ended(s, 0.05)
        s.close()


def truncated(port, dice):
    """Well-formed requests, each cut somewhere or with one byte changed, inside a frame that is whole."""
    values = raw.batch([b"x" * 100] * 10)
    produce = struct.pack(">hhi", 0, 3, 1) + raw.string("raw") + struct.pack(">hhi", -1, -1, 1000) + struct.pack(">i", 1) + \
        raw.string("healthy-not") + struct.pack(">iii", 1, 0, len(values)) + values
    for turn in range(300):
        body = bytearray(produce)
        if turn % 2:
            del body[dice.randrange(8, len(body)):]
        else:
            body[dice.randrange(8, len(body))] ^= 1 << dice.randrange(8)
        s = connect(port)
        send(s, struct.pack(">i", len(body)) + bytes(body))
        ended(s, 0.002)
        s.close()


def two_gib(port, _dice):
    held = []
    for length in (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFF0):
        for _ in range(10):
            s = connect(port)
            send(s, struct.pack(">I", length) + b"\0\x03\0\0\0\0\0\1\0\0")
            held.append(s)
    for s in held:
        if not ended(s, 5):
            raise AssertionError("a connection that announced 2 GiB or less than nothing was kept for 5 s")
        s.close()


def half_a_frame(port, _dice):
    held = [connect(port) for _ in range(100)]
    for i, s in enumerate(held):
        send(s, struct.pack(">ihhi", 1000, i % 3, 3, 1) + b"half"[:i % 5])
    time.sleep(2)
    for s in held:
        s.close()


def silence(port, _dice):
    held = [connect(port) for _ in range(500)]
    time.sleep(2)
    for s in held:
        s.close()


def byte_by_byte(port, _dice):
    """A slow but honest client must be served too."""
    with raw.Connection(port) as c:
        frame = struct.pack(">ihhi", 10 + 3, 18, 0, 7) + raw.string("raw")
        for byte in frame:
            c.socket.sendall(bytes([byte]))
            time.sleep(0.01)
        c.correlation = 7
        code, count = struct.unpack_from(">hi", c.receive())
        if code or count < 1:
            raise AssertionError("ApiVersions sent byte by byte was not answered")


def announce(port, _dice):
    """5,000 connections, each announcing a Produce of 100 MiB (below socket.request.max.bytes) and sending its first 4 KiB."""
    size = 100 * 1024 * 1024
    head = struct.pack(">ihhi", size, 0, 3, 1) + raw.string("raw") + struct.pack(">hhi", -1, -1, 1000) + struct.pack(">i", 1) + \
        raw.string("healthy") + struct.pack(">iii", 1, 0, size - 60)
    held = []
    count = min(1000 if SLOW else 5000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)
    for _ in range(count):
        s = connect(port)
        s.setblocking(False)
        held.append(s)
        try:
            s.send(head + bytes(4096 - len(head)))
        except OSError:
            pass
    # And as much more of them as the broker is willing to take.
    end = time.monotonic() + 5
    more = bytes(65536)
    while time.monotonic() < end:
        taken = 0
        for s in held:
            try:
                taken += s.send(more)
            except OSError:
                pass
        if not taken:
            time.sleep(0.05)
    for s in held:
        s.close()


def never_read(port, _dice):
    """200 clients ask for megabytes again and again and take nothing."""
    with raw.Connection(port) as c:
        c.create_topic("unread", 1)
        for _ in range(40):
            c.produce("unread", 0, [b"y" * 100_000] * 5)
    held = []
    for _ in range(200):
        c = raw.Connection(port)
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.socket.setblocking(False)
        try:
            for _ in range(100):
                c.send_fetch("unread", 0, 0, max_bytes=50 << 20, wait_ms=0)
                c.send(raw.API_VERSIONS, 0, b"")
        except OSError:
            pass
        held.append(c)
    time.sleep(4)
    for c in held:
        c.close()


ATTACKS = [garbage, truncated, two_gib, half_a_frame, silence, byte_by_byte, announce, never_read]


def main(names):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    seed = int(os.environ.get("SEED", random.randrange(1 << 31)))
    print(f"seed {seed}")
    directory = tempfile.mkdtemp(prefix="odradek-abuse.")
    settings = [f"odradek.memory.request.bytes={BUDGET_MIB << 20}"] if KIND == "odradek" else []
    node = harness.Node(KIND, directory, settings=settings)
    failures = 0
    try:
        node.start()
        healthy = Healthy(node.port)
        memory = Memory(node)
        healthy.start()
        memory.start()
        for attack in ATTACKS:
            if names and attack.__name__ not in names:
                continue
            if KIND == "kafka" and attack is announce and not names:
                print("left out: announce ends Apache Kafka, which allocates what is announced")
                continue
            turns = healthy.turns
            healthy.slowest_s, memory.peak_kib = 0.0, 0
            problem = None
            try:
                attack(node.port, random.Random(seed))
                end = time.monotonic() + PATIENCE_S
                # It may have been busy for a moment, but after the attack it goes on.
                while healthy.turns < turns + 5 and healthy.problem is None and time.monotonic() < end:
                    time.sleep(0.01)
            except (AssertionError, OSError, raw.ErrorCode) as trouble:
                problem = f"{type(trouble).__name__}: {trouble}"
            peak_mib = memory.peak_kib / 1024
            if not node.alive():
                problem = f"the broker is gone: {node.log_tail(30)}"
            elif healthy.problem:
                problem = f"the healthy client saw {healthy.problem}"
            elif healthy.turns < turns + 5:
                problem = f"the healthy client made {healthy.turns - turns} turns"
            elif KIND == "odradek" and not SLOW and peak_mib > BOUND_MIB:
                problem = f"{peak_mib:.0f} MiB resident, at most {BOUND_MIB}"
            facts = f"{healthy.turns - turns} healthy turns, slowest {healthy.slowest_s * 1000:.0f} ms, peak {peak_mib:.0f} MiB"
            if problem:
                failures += 1
                print(f"not ok abuse/{attack.__name__}: {problem} ({facts}; SEED={seed})", flush=True)
                if not node.alive() or healthy.problem:
                    break
            else:
                print(f"ok abuse/{attack.__name__} {facts}", flush=True)
        healthy.finish()
        memory.stop.set()
        if node.alive():
            node.stop()
    finally:
        node.kill()
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
