# SPDX-License-Identifier: Apache-2.0
"""A Kafka client of bare sockets: just enough of the protocol to see what is acknowledged, and to misbehave. Standard library
only. It uses the last versions without compact encodings, which every broker since 2.4 and Apache Kafka 4.3 serve."""
import socket
import struct
import time

PRODUCE, FETCH, LIST_OFFSETS, METADATA, API_VERSIONS, CREATE_TOPICS = 0, 1, 2, 3, 18, 19
EARLIEST, LATEST = -2, -1


def _crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ 0x82F63B78 if n & 1 else n >> 1
        table.append(n)
    return table


_TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def varint(n):
    n = (n << 1) ^ (n >> 63)
    out = bytearray()
    while n & ~0x7F:
        out.append((n & 0x7F) | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def read_varint(data, at):
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7


def batch(values, now_ms=None):
    """One uncompressed record batch (magic 2) of keyless records."""
    now_ms = int(time.time() * 1000) if now_ms is None else now_ms
    records = bytearray()
    for i, value in enumerate(values):
        body = b"\0" + varint(0) + varint(i) + varint(-1) + varint(len(value)) + value + varint(0)
        records += varint(len(body)) + body
    tail = struct.pack(">hiqqqhii", 0, len(values) - 1, now_ms, now_ms, -1, -1, -1, len(values)) + records
    return struct.pack(">qiibI", 0, 9 + len(tail), -1, 2, crc32c(tail)) + tail


def records_of(data):
    """(offset, value) of every record in uncompressed batches; a cut batch at the end is left out."""
    at = 0
    while at + 61 <= len(data):
        base, length = struct.unpack_from(">qi", data, at)
        if at + 12 + length > len(data):
            return
        count = struct.unpack_from(">i", data, at + 57)[0]
        here = at + 61
        for _ in range(count):
            size, here = read_varint(data, here)
            end = here + size
            _, here = read_varint(data, here + 1)
            delta, here = read_varint(data, here)
            key_size, here = read_varint(data, here)
            here += max(key_size, 0)
            value_size, here = read_varint(data, here)
            yield base + delta, bytes(data[here:here + value_size])
            here = end
        at += 12 + length


def string(text):
    raw = text.encode()
    return struct.pack(">h", len(raw)) + raw


class ErrorCode(Exception):
    def __init__(self, code, what):
        super().__init__(f"{what}: error {code}")
        self.code = code


class Connection:
    def __init__(self, port, timeout_s=30, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation = 0

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, key, version, body):
        self.correlation += 1
        head = struct.pack(">hhi", key, version, self.correlation) + string("raw")
        self.socket.sendall(struct.pack(">i", len(head) + len(body)) + head + body)

    def exactly(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("the broker closed the connection")
            data += piece
        return bytes(data)

    def receive(self):
        size = struct.unpack(">i", self.exactly(4))[0]
        answer = self.exactly(size)
        if struct.unpack_from(">i", answer)[0] > self.correlation:
            raise ConnectionError("an answer to a question nobody asked")
        return answer[4:]

    def ask(self, key, version, body):
        self.send(key, version, body)
        return self.receive()

    def api_versions(self):
        """{key: (least, most)}"""
        answer = self.ask(API_VERSIONS, 0, b"")
        code, count = struct.unpack_from(">hi", answer)
        if code:
            raise ErrorCode(code, "ApiVersions")
        rows = (struct.unpack_from(">hhh", answer, 6 + 6 * i) for i in range(count))
        return {key: (least, most) for key, least, most in rows}

    def metadata(self, topic=None):
        """The raw answer of version 1; None asks for no topic at all."""
        return self.ask(METADATA, 1, struct.pack(">i", 0) if topic is None else struct.pack(">i", 1) + string(topic))

    def create_topic(self, topic, partitions=1, configs=()):
        body = struct.pack(">i", 1) + string(topic) + struct.pack(">ihi", partitions, 1, 0)
        body += struct.pack(">i", len(configs)) + b"".join(string(k) + string(v) for k, v in configs)
        answer = self.ask(CREATE_TOPICS, 2, body + struct.pack(">ib", 20000, 0))
        size = struct.unpack_from(">h", answer, 8)[0]
        code = struct.unpack_from(">h", answer, 10 + size)[0]
        if code not in (0, 36):  # 36: it is there already
            raise ErrorCode(code, f"creating {topic}")
        self.wait_leader(topic, partitions)

    def wait_leader(self, topic, partitions, timeout_s=30):
        end = time.monotonic() + timeout_s
        last = None
        while time.monotonic() < end:
            try:
                for p in range(partitions):
                    self.offset(topic, p, LATEST)
                return
            except ErrorCode as problem:
                last = problem
                time.sleep(0.02)
        raise last

    def send_produce(self, topic, partition, data, acks=-1):
        body = struct.pack(">hhi", -1, acks, 30000) + struct.pack(">i", 1) + string(topic)
        self.send(PRODUCE, 3, body + struct.pack(">iii", 1, partition, len(data)) + data)

    def receive_produce(self):
        """The base offset of one acknowledged batch."""
        answer = self.receive()
        size = struct.unpack_from(">h", answer, 4)[0]
        _, code, base = struct.unpack_from(">ihq", answer, 6 + size + 4)
        if code:
            raise ErrorCode(code, "Produce")
        return base

    def produce(self, topic, partition, values, acks=-1):
        self.send_produce(topic, partition, batch(values), acks)
        return self.receive_produce()

    def offset(self, topic, partition, timestamp):
        body = struct.pack(">ii", -1, 1) + string(topic) + struct.pack(">iiq", 1, partition, timestamp)
        answer = self.ask(LIST_OFFSETS, 1, body)
        size = struct.unpack_from(">h", answer, 4)[0]
        _, code, _, offset = struct.unpack_from(">ihqq", answer, 6 + size + 4)
        if code:
            raise ErrorCode(code, f"ListOffsets {topic}-{partition}")
        return offset

    def send_fetch(self, topic, partition, offset, max_bytes=1 << 20, wait_ms=100):
        body = struct.pack(">iiiib", -1, wait_ms, 1, max_bytes, 0) + struct.pack(">i", 1) + string(topic)
        self.send(FETCH, 4, body + struct.pack(">iiqi", 1, partition, offset, max_bytes))

    def receive_fetch(self):
        """(high watermark, bytes of batches)"""
        answer = self.receive()
        size = struct.unpack_from(">h", answer, 8)[0]
        at = 10 + size + 4
        _, code, high, _, aborted = struct.unpack_from(">ihqqi", answer, at)
        if code:
            raise ErrorCode(code, "Fetch")
        at += 26 + max(aborted, 0) * 16
        length = struct.unpack_from(">i", answer, at)[0]
        return high, answer[at + 4:at + 4 + max(length, 0)]

    def fetch(self, topic, partition, offset, max_bytes=1 << 20, wait_ms=100):
        self.send_fetch(topic, partition, offset, max_bytes, wait_ms)
        return self.receive_fetch()

    def read(self, topic, partition, begin=0, end=None):
        """[(offset, value)] up to `end`, by default the offset that is the latest now."""
        end = self.offset(topic, partition, LATEST) if end is None else end
        found = []
        while begin < end:
            _, data = self.fetch(topic, partition, begin)
            rows = [row for row in records_of(data) if begin <= row[0] < end]
            if not rows:
                raise ConnectionError(f"nothing at {topic}-{partition} offset {begin}, though its end is {end}")
            found += rows
            begin = rows[-1][0] + 1
        return found
