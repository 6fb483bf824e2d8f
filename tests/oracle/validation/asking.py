# SPDX-License-Identifier: Apache-2.0
"""Produce requests of every version, what comes back, and how a connection ends."""
import dataclasses
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lib"))
import raw
from batches import Batch, uvarint

NOBODY = b"\xff" * 16  # a topic id that no topic has
LAST = 13


@dataclasses.dataclass
class Produce:
    """One request. `records`: a Batch, bytes, or None for null; `topic`, `partition`: None = the case's own."""
    records: object = None
    version: int = 12
    acks: int = -1
    txn: str = None
    client: str = "raw"
    topic: object = None      # a name, or 16 bytes
    partition: int = None
    more: tuple = ()          # of (topic, partition, records)
    timeout_ms: int = 30000
    tail: bytes = b""         # behind the request
    empty: str = None         # "topics" or "partitions": a request without any
    split: bool = False       # the same topic as often as it is named

    def bytes_of(self, records):
        return records.encode() if isinstance(records, Batch) else records


def _string(text, flexible):
    if text is None:
        return b"\0" if flexible else b"\xff\xff"
    data = text.encode("utf-8", "surrogateescape")
    return uvarint(len(data) + 1) + data if flexible else struct.pack(">h", len(data)) + data


def _bytes(data, flexible):
    if data is None:
        return b"\0" if flexible else b"\xff\xff\xff\xff"
    return uvarint(len(data) + 1) + data if flexible else struct.pack(">i", len(data)) + data


def _array(items, flexible):
    return (uvarint(len(items) + 1) if flexible else struct.pack(">i", len(items))) + b"".join(items)


def frame(ask, topic, partition, ids, correlation):
    """The bytes of a request; `ids`: names to topic ids."""
    flexible = ask.version >= 9
    tags = b"\0" if flexible else b""
    rows = [(topic if ask.topic is None else ask.topic, partition if ask.partition is None else ask.partition, ask.records),
            *[(topic if t is None else t, partition if p is None else p, r) for t, p, r in ask.more]]
    topics = {}
    for place, (t, p, r) in enumerate(rows):
        row = struct.pack(">i", p) + _bytes(ask.bytes_of(r), flexible) + tags
        topics.setdefault((t, place if ask.split else 0), []).append(row)
    if ask.empty == "topics":
        topics = {}
    if ask.empty == "partitions":
        topics = {t: [] for t in topics}

    def name(t):
        if ask.version >= 13:
            return t if isinstance(t, bytes) else ids.get(t, NOBODY)
        return _string(t, flexible)
    body = (_string(ask.txn, flexible) if ask.version >= 3 else b"") + struct.pack(">hi", ask.acks, ask.timeout_ms)
    body += _array([name(t) + _array(ps, flexible) + tags for (t, _), ps in topics.items()], flexible) + tags + ask.tail
    head = struct.pack(">hhi", 0, ask.version, correlation) + _string(ask.client, False) + tags
    return struct.pack(">i", len(head) + len(body)) + head + body


class Reader:
    def __init__(self, data, flexible):
        self.data, self.at, self.flexible = data, 0, flexible

    def take(self, form):
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values[0] if len(values) == 1 else values

    def uvarint(self):
        shift = value = 0
        while True:
            byte = self.take(">B")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def count(self):
        return self.uvarint() - 1 if self.flexible else self.take(">i")

    def string(self):
        n = self.uvarint() - 1 if self.flexible else self.take(">h")
        if n < 0:
            return None
        self.at += n
        return self.data[self.at - n:self.at].decode(errors="backslashreplace")

    def tags(self):
        found = {}
        for _ in range(self.uvarint() if self.flexible else 0):
            tag, size = self.uvarint(), self.uvarint()
            found[tag] = self.data[self.at:self.at + size]
            self.at += size
        return found


def show_answer(data, ask, ids, clock):
    """One line about a Produce answer (behind the correlation id), topics and partitions in order of name and index."""
    r = Reader(data, ask.version >= 9)
    r.tags()
    names = {v: k for k, v in ids.items()}
    rows = []
    for _ in range(r.count()):
        if ask.version >= 13:
            r.at += 16
            topic = names.get(r.data[r.at - 16:r.at], "unknown-id")
        else:
            topic = r.string()
        for _ in range(r.count()):
            index, code, base, stamp = r.take(">ihqq")
            start = r.take(">q") if ask.version >= 5 else None
            row = f"{code} base={base} time={clock.show(stamp)}" + ("" if start is None else f" start={start}")
            if ask.version >= 8:
                errors = []
                for _ in range(max(0, r.count())):
                    place, text = r.take(">i"), r.string()
                    r.tags()
                    errors.append(f"{place}:{clock.tell(text or 'null')}")
                message = r.string()
                shown = errors[:4] + ([f"{len(errors)} in all"] if len(errors) > 4 else [])
                row += (f" errors=[{' | '.join(shown)}]" if errors else "")
                row += "" if message is None else f" message={clock.tell(message)!r}"
            if 0 in (tags := r.tags()):
                row += f" leader={tags[0][:8].hex()}"
            rows.append((topic, index, row))
        r.tags()
    throttle = r.take(">i")
    tags = r.tags()
    rows.sort(key=lambda row: row[:2])
    several = len(rows) > 1
    text = " + ".join((f"{t}-{i}: " if several else "") + row for t, i, row in rows) or "nothing"
    text += f" throttle={throttle}" if throttle else ""
    text += " nodes" if 0 in tags else ""
    return text + (f" left={len(data) - r.at}" if r.at != len(data) else "")


class Line:
    """A connection that says whether an answer, silence, or the end came."""

    def __init__(self, port, patience_s):
        self.connection = raw.Connection(port, timeout_s=patience_s)

    def ask(self, ask, topic, partition, ids, clock):
        c = self.connection
        c.correlation += 2
        mine, probe = c.correlation - 1, c.correlation
        # An ApiVersions behind it: if that is answered first, the request is answered by silence.
        question = struct.pack(">hhi", 18, 0, probe) + _string("raw", False)
        try:
            c.socket.sendall(frame(ask, topic, partition, ids, mine) + struct.pack(">i", len(question)) + question)
            data = self.receive()
            if struct.unpack_from(">i", data)[0] == probe:
                return "silence"
            shown = show_answer(data[4:], ask, ids, clock)
            self.receive()
            return shown
        except socket.timeout:
            self.close()
            return "no answer, connection open"
        except (ConnectionError, OSError):
            self.close()
            return "closed"

    def receive(self):
        size = struct.unpack(">i", self.connection.exactly(4))[0]
        return self.connection.exactly(size)

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def topic_ids(connection):
    """{name: topic id} of all topics, by Metadata version 10."""
    body = b"\0" + b"\0\0\0\0"  # null: all topics; nothing created, no operations; no tags
    connection.correlation += 1
    head = struct.pack(">hhi", 3, 10, connection.correlation) + _string("raw", False) + b"\0"
    connection.socket.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
    r = Reader(connection.receive(), True)
    r.tags()
    r.take(">i")
    for _ in range(r.count()):
        r.take(">i"), r.string(), r.take(">i"), r.string(), r.tags()
    r.string(), r.take(">i")
    found = {}
    for _ in range(r.count()):
        r.take(">h")
        name = r.string()
        found[name] = r.data[r.at:r.at + 16]
        r.at += 16
        r.take(">b")
        for _ in range(r.count()):
            r.take(">hiii")
            for _ in range(3):
                for _ in range(max(0, r.count())):
                    r.take(">i")
            r.tags()
        r.take(">i"), r.tags()
    return found
