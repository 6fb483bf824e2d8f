# SPDX-License-Identifier: Apache-2.0
"""Record batches (magic 2) with any field wrong that one likes, and what is in a log again. Standard library and the C
libraries of the codecs, through ctypes."""
import ctypes
import ctypes.util
import dataclasses
import hashlib
import re
import struct
import zlib

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
APPEND_TIME, TRANSACTIONAL, CONTROL, HORIZON = 8, 16, 32, 64
T0 = 1700000000000  # ms; a timestamp that lies back far enough never to be mistaken for now
HOUR = 3600000
FOREVER = 2**63 - 1


# ---- checksums and integers ----

def _table():
    rows = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ 0x82F63B78 if n & 1 else n >> 1
        rows.append(n)
    return rows


_TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def uvarint(n):
    out = bytearray()
    while n & ~0x7F:
        out.append((n & 0x7F) | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def varint(n):
    return uvarint(((n << 1) ^ (n >> 63)) & 0xFFFFFFFFFFFFFFFF)


def read_varint(data, at):
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7


# ---- codecs ----

def _library(name):
    found = ctypes.util.find_library(name)
    if found is None:
        raise RuntimeError(f"lib{name} is not installed: tools/setup says what the tests need")
    return ctypes.CDLL(found)


_zstd, _lz4, _snappy = _library("zstd"), _library("lz4"), _library("snappy")
for _f in (_zstd.ZSTD_compress, _zstd.ZSTD_compressBound, _zstd.ZSTD_createDStream, _zstd.ZSTD_decompressStream,
           _lz4.LZ4F_compressFrame, _lz4.LZ4F_compressFrameBound, _lz4.LZ4F_decompress, _lz4.LZ4F_createDecompressionContext,
           _snappy.snappy_max_compressed_length):
    _f.restype = ctypes.c_size_t
_zstd.ZSTD_createDStream.restype = ctypes.c_void_p


class _Lz4(ctypes.Structure):  # LZ4F_preferences_t
    _fields_ = [("block_size", ctypes.c_int), ("independent", ctypes.c_int), ("content_checksum", ctypes.c_int),
                ("frame_type", ctypes.c_int), ("content_size", ctypes.c_ulonglong), ("dictionary", ctypes.c_uint),
                ("block_checksum", ctypes.c_int), ("level", ctypes.c_int), ("auto_flush", ctypes.c_uint),
                ("favor_speed", ctypes.c_uint), ("reserved", ctypes.c_uint * 3)]


def zstd(data, level=3):
    room = _zstd.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(room)
    size = _zstd.ZSTD_compress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), level)
    return out.raw[:size]


def lz4(data, independent=1, content_checksum=0, block_checksum=0, content_size=0):
    options = _Lz4(block_size=4, independent=independent, content_checksum=content_checksum,
                   block_checksum=block_checksum, content_size=content_size)
    room = _lz4.LZ4F_compressFrameBound(ctypes.c_size_t(len(data)), ctypes.byref(options)) + 64
    out = ctypes.create_string_buffer(room)
    size = _lz4.LZ4F_compressFrame(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), ctypes.byref(options))
    return out.raw[:size]


def snappy_raw(data):
    size = ctypes.c_size_t(_snappy.snappy_max_compressed_length(ctypes.c_size_t(len(data))))
    out = ctypes.create_string_buffer(max(1, size.value))
    _snappy.snappy_compress(data, ctypes.c_size_t(len(data)), out, ctypes.byref(size))
    return out.raw[:size.value]


XERIAL = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)


def snappy(data, block=32768):
    pieces = [snappy_raw(data[i:i + block]) for i in range(0, len(data), block)]
    return XERIAL + b"".join(struct.pack(">i", len(p)) + p for p in pieces)


def gzip(data, level=6):
    c = zlib.compressobj(level, zlib.DEFLATED, 31)
    return c.compress(data) + c.flush()


COMPRESS = {NONE: lambda data: data, GZIP: gzip, SNAPPY: snappy, LZ4: lz4, ZSTD: zstd}


def _unsnappy_raw(data):
    size = ctypes.c_size_t()
    if _snappy.snappy_uncompressed_length(data, ctypes.c_size_t(len(data)), ctypes.byref(size)):
        raise ValueError("no snappy")
    out = ctypes.create_string_buffer(max(1, size.value))
    if _snappy.snappy_uncompress(data, ctypes.c_size_t(len(data)), out, ctypes.byref(size)):
        raise ValueError("damaged snappy")
    return out.raw[:size.value]


def _unsnappy(data):
    if not data.startswith(b"\x82SNAPPY\0"):
        return _unsnappy_raw(data)
    at, out = 16, b""
    while at < len(data):
        size = struct.unpack_from(">i", data, at)[0]
        out += _unsnappy_raw(data[at + 4:at + 4 + size])
        at += 4 + size
    return out


def _unlz4(data):
    context = ctypes.c_void_p()
    _lz4.LZ4F_createDecompressionContext(ctypes.byref(context), 100)
    room = 1 << 16
    piece, out, at = ctypes.create_string_buffer(room), b"", 0
    while True:
        wrote, read = ctypes.c_size_t(room), ctypes.c_size_t(len(data) - at)
        hint = _lz4.LZ4F_decompress(context, piece, ctypes.byref(wrote), data[at:], ctypes.byref(read), None)
        if hint > 1 << 40 or (read.value == 0 and wrote.value == 0):
            raise ValueError("damaged lz4")
        out, at = out + piece.raw[:wrote.value], at + read.value
        if hint == 0:
            _lz4.LZ4F_freeDecompressionContext(context)
            return out


class _Buffer(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t)]


def _unzstd(data):
    stream = ctypes.c_void_p(_zstd.ZSTD_createDStream())
    source = ctypes.create_string_buffer(data, len(data))
    given = _Buffer(ctypes.cast(source, ctypes.c_void_p), len(data), 0)
    piece, out = ctypes.create_string_buffer(1 << 17), b""
    while True:
        taken = _Buffer(ctypes.cast(piece, ctypes.c_void_p), 1 << 17, 0)
        hint = _zstd.ZSTD_decompressStream(stream, ctypes.byref(taken), ctypes.byref(given))
        if hint > 1 << 40 or (hint > 0 and given.pos == given.size and taken.pos == 0):
            raise ValueError("damaged zstd")
        out += piece.raw[:taken.pos]
        if given.pos == given.size and taken.pos < taken.size:
            _zstd.ZSTD_freeDStream(stream)
            return out


def decompress(codec, data):
    if codec == NONE:
        return data
    if codec == GZIP:
        return zlib.decompressobj(31).decompress(data)
    return {SNAPPY: _unsnappy, LZ4: _unlz4, ZSTD: _unzstd}[codec](data)


# ---- building ----

@dataclasses.dataclass
class Record:
    key: bytes = b"k"
    value: bytes = b"v"
    ts: int = 0        # delta to the batch's base timestamp
    delta: int = None  # offset delta; None = its place
    headers: tuple = ()
    attributes: int = 0
    size: int = None       # what it claims to be long
    size_bytes: bytes = None
    ts_bytes: bytes = None
    key_size: int = None
    value_size: int = None
    header_count: int = None
    tail: bytes = b""
    cut: int = 0           # bytes taken off its end

    def encode(self, place):
        def sized(data, claimed=None):
            n = -1 if data is None else len(data)
            return varint(n if claimed is None else claimed) + (data or b"")
        body = struct.pack(">b", self.attributes) + (varint(self.ts) if self.ts_bytes is None else self.ts_bytes)
        body += varint(place if self.delta is None else self.delta)
        body += sized(self.key, self.key_size) + sized(self.value, self.value_size)
        body += varint(len(self.headers) if self.header_count is None else self.header_count)
        body += b"".join(sized(k) + sized(v) for k, v in self.headers) + self.tail
        body = body[:len(body) - self.cut]
        head = varint(len(body) if self.size is None else self.size) if self.size_bytes is None else self.size_bytes
        return head + body


@dataclasses.dataclass
class Batch:
    records: list = None
    codec: int = NONE
    flags: int = 0            # attribute bits beside the codec's
    base_offset: int = 0
    length: int = None
    leader_epoch: int = -1
    magic: int = 2
    crc_xor: int = 0
    last_delta: int = None
    base_ts: int = T0
    max_ts: int = None
    pid: int = -1
    epoch: int = -1
    seq: int = -1
    count: int = None
    body_tail: bytes = b""    # behind the last record
    stream: bytes = None      # instead of the compressed records
    stream_tail: bytes = b""
    damage: int = None        # index of the stream's byte to turn over; negative from its end
    stream_cut: int = 0
    cut_to: int = None        # bytes of the batch that are sent
    after: bytes = b""        # behind the batch

    def __post_init__(self):
        if self.records is None:
            self.records = [Record()]

    def stored(self):
        body = b"".join(r.encode(i) for i, r in enumerate(self.records)) + self.body_tail
        packed = COMPRESS.get(self.codec, lambda data: data)(body) if self.stream is None else self.stream
        if self.damage is not None:
            packed = bytearray(packed)
            packed[self.damage] ^= 0xFF
            packed = bytes(packed)
        packed += self.stream_tail
        return packed[:len(packed) - self.stream_cut]

    def encode(self):
        n = len(self.records)
        last = n - 1 if self.last_delta is None else self.last_delta
        stamps = [self.base_ts + r.ts for r in self.records]
        most = self.max_ts if self.max_ts is not None else max(stamps, default=-1)
        packed = self.stored()
        tail = struct.pack(">hiqqqhii", self.codec | self.flags, last, self.base_ts, most, self.pid, self.epoch, self.seq,
                           n if self.count is None else self.count) + packed
        length = 9 + len(tail) if self.length is None else self.length
        crc = crc32c(tail) ^ self.crc_xor
        head = struct.pack(">qiibI", self.base_offset, length, self.leader_epoch, self.magic, crc)
        return (head + tail)[:self.cut_to] + self.after


# ---- reading ----

class Clock:
    """Makes what depends on the time of day comparable."""

    def __init__(self, now_ms):
        self.now_ms = now_ms

    def show(self, ms):
        if abs(ms - T0) < 10**9:
            return f"T{ms - T0:+d}" if ms != T0 else "T"
        distance = ms - self.now_ms
        for name, far in (("-forever", -FOREVER), ("+forever", FOREVER - 2**64)):
            if abs(distance - far) < HOUR:
                return f"now{name}"
        if abs(distance) > 400 * 24 * HOUR:
            return str(ms)
        hours = round(distance / HOUR)
        return f"now{hours:+d}h" if hours else "now"

    def tell(self, text):
        return re.sub(r"-?\d{13,19}", lambda m: self.show(int(m[0])), text)


def brief(data):
    if data is None:
        return "null"
    if len(data) <= 12:
        return data.hex() or "''"
    return f"{len(data)}B:{hashlib.sha1(data).hexdigest()[:8]}"


def show_record(data, at):
    size, at = read_varint(data, at)
    end = at + size
    attributes = data[at]
    stamp, at = read_varint(data, at + 1)
    delta, at = read_varint(data, at)

    def sized(at):
        n, at = read_varint(data, at)
        return (None, at) if n < 0 else (data[at:at + n], at + n)
    key, at = sized(at)
    value, at = sized(at)
    count, at = read_varint(data, at)
    headers = []
    for _ in range(count):
        k, at = sized(at)
        v, at = sized(at)
        headers.append(f"{brief(k)}:{brief(v)}")
    if at != end or end > len(data):
        raise ValueError("record")
    flag = f" attr={attributes}" if attributes else ""
    more = " h=" + ",".join(headers) if headers else ""
    return f"{delta:+d}@{stamp:+d}{flag} {brief(key)}={brief(value)}{more}", end


def show_records(body, count):
    try:
        at, rows = 0, []
        for _ in range(count):
            row, at = show_record(body, at)
            rows.append(row)
        if at != len(body):
            raise ValueError("tail")
    except (ValueError, IndexError):
        return f"odd {brief(body)}"
    if len(rows) > 4:
        return f"{len(rows)} records {hashlib.sha1(chr(10).join(rows).encode()).hexdigest()[:8]}"
    return "[" + "; ".join(rows) + "]"


def show_log(data, sent, clock, wants_size=False):
    """One line about all whole batches of a fetched log. `sent`: the stored parts (behind the count) of what was produced."""
    at, rows = 0, []
    while at + 61 <= len(data):
        base, length, epoch, magic, crc = struct.unpack_from(">qiibI", data, at)
        if at + 12 + length > len(data):
            break
        bits, last, first_ts, most, pid, producer_epoch, seq, count = struct.unpack_from(">hiqqqhii", data, at + 21)
        stored = data[at + 61:at + 12 + length]
        good = "" if crc32c(data[at + 21:at + 12 + length]) == crc else " BAD-CRC"
        codec = bits & 7
        if stored in sent:
            body = "as sent"
        else:
            try:
                body = show_records(decompress(codec, stored), count)
            except (ValueError, KeyError, zlib.error):
                body = f"undecodable {brief(stored)}"
        size = f" {len(stored)}B" if wants_size else ""
        who = "" if (pid, producer_epoch, seq) == (-1, -1, -1) else f" pid={pid}/{producer_epoch}/{seq}"
        # The epoch of a single node's first leadership may differ from start to start: only whether it was stamped.
        rows.append(f"{base}+{last} {'' if 0 <= epoch < 100 else f'epoch={epoch} '}0x{bits & 0xFFFF:x} "
                    f"{clock.show(first_ts)}..{clock.show(most)}{who} n={count}{good}{size} {body}")
        at += 12 + length
    if at < len(data):
        rows.append(f"tail {len(data) - at}B")
    return " / ".join(rows) or "-"
