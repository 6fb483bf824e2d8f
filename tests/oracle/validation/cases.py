# SPDX-License-Identifier: Apache-2.0
"""What producers get wrong, and what leaders rewrite: the cases of the differential test, in the order of the golden file.
A case has a partition of its own, of a topic with the settings it asks for, and a list of requests sent to it in turn."""
import dataclasses
import itertools
import random
import struct

from asking import NOBODY, Produce
from batches import (APPEND_TIME, CODECS, CONTROL, COMPRESS, GZIP, HORIZON, HOUR, LZ4, NONE, SNAPPY, T0, TRANSACTIONAL,
                     XERIAL, ZSTD, Batch, Record, gzip, lz4, snappy, snappy_raw, uvarint, varint, zstd)

INTERNAL = "__consumer_offsets"
SMALL = 300
APPEND = "message.timestamp.type=LogAppendTime"
COMPACT = "cleanup.policy=compact"
TARGETS = ("gzip", "snappy", "lz4", "zstd", "uncompressed")


def to(name, *more):
    return " ".join((f"compression.type={name}", *more))


@dataclasses.dataclass
class Case:
    name: str
    asks: list
    settings: str = ""  # of the topic
    wants_size: bool = False


def one(name, batch, settings="", **ask):
    return Case(name, [Produce(batch, **ask)], settings)


def three(**fields):
    return Batch([Record(value=b"a"), Record(value=b"b", ts=5), Record(value=b"c", ts=3)], **fields)


def other_codec(codec):
    return to("gzip" if codec == ZSTD else "zstd")


# ---- every row of the list of checks, alone and in pairs ---------------------------------------------------------

STRICT = f"{COMPACT} max.message.bytes=2000"
NOISE = random.Random(1).randbytes(3000)


def f_acks(c, b): c.acks = 2
def f_transactional(c, b): b.flags |= TRANSACTIONAL
def f_partition(c, b): c.partition = 100000
def f_magic_1(c, b): b.magic = 1
def f_magic_3(c, b): b.magic = 3
def f_length_low(c, b): b.length = 40
def f_length_tiny(c, b): b.length = 5
def f_short(c, b): b.length, b.cut_to = 40, 52
def f_length_high(c, b): b.length = 5000
def f_second(c, b): b.after = three().encode()
def f_zstd_old(c, b): b.codec, c.version = ZSTD, 6
def f_internal(c, b): c.topic, c.partition = INTERNAL, 0
def f_base_offset(c, b): b.base_offset = 5
def f_large(c, b): b.records[1].value = NOISE
def f_crc(c, b): b.crc_xor = 1
def f_count_zero(c, b): b.count = 0
def f_count_high(c, b): b.count, b.last_delta = 4, 3
def f_last_negative(c, b): b.last_delta = -1
def f_last_other(c, b): b.last_delta = 7
def f_control(c, b): b.flags |= CONTROL
def f_no_sequence(c, b): b.pid, b.epoch, b.seq = 7, 5, -1
def f_codec_5(c, b): b.codec = 5
def f_damaged(c, b): b.codec, b.damage = b.codec or GZIP, 12
def f_deltas(c, b): b.codec, b.records[1].delta = b.codec or LZ4, 5
def f_tail(c, b): b.body_tail = b"\0\0\0"
def f_record(c, b): b.records[2].tail = b"\0"
def f_null_key(c, b): b.records[1].key = None
def f_late(c, b): b.records[2].ts = 10**13
def f_flag(c, b): b.flags, b.base_ts = b.flags | APPEND_TIME, -1
def f_epoch(c, b): b.pid, b.epoch, b.seq = 7, 4, 1
def f_gap(c, b): b.pid, b.epoch, b.seq = 7, 5, 9
def f_new_epoch(c, b): b.pid, b.epoch, b.seq = 7, 6, 3


FAULTS = [f for name, f in list(globals().items()) if name.startswith("f_")]


def faulty(*faults):
    ask, batch = Produce(three()), three()
    for fault in faults:
        fault(ask, batch)
    ask.records = batch
    known = {f_epoch, f_gap, f_new_epoch} & set(faults)
    first = [Produce(three(pid=7, epoch=5, seq=0))] if known else []
    return Case("pair " + " ".join(f.__name__[2:] for f in faults), first + [ask], STRICT)


def pairs():
    for fault in FAULTS:
        yield faulty(fault)
    for a, b in itertools.combinations(FAULTS, 2):
        yield faulty(a, b)


# ---- requests ----------------------------------------------------------------------------------------------------

def requests():
    for version in range(0, 14):
        yield one(f"version {version}", three(), version=version)
        yield one(f"version {version} refused", three(crc_xor=1), version=version)
        yield one(f"version {version} refused per record", Batch([Record(None)]), COMPACT, version=version)
        yield one(f"version {version} zstd", three(codec=ZSTD), version=version)
        yield one(f"version {version} append time", three(), APPEND, version=version)
    yield one("version 14", three(), version=14)
    for acks in (-1, 0, 1, 2, -2, 32767):
        yield one(f"acks {acks}", three(), acks=acks)
        for fault in (f_partition, f_magic_1, f_magic_3, f_length_high, f_second, f_zstd_old, f_internal, f_base_offset, f_crc,
                      f_count_zero, f_null_key, f_late, f_transactional, f_gap, f_large):
            case = faulty(fault)
            case.name = f"acks {acks} {fault.__name__[2:]}"
            case.asks[-1].acks = acks
            yield case
        twice = Produce(three(pid=3, epoch=0, seq=0), acks=acks)
        yield Case(f"acks {acks} duplicate", [twice, twice])
    for topic in ("nowhere", "", ".", "..", "a b", "x" * 250, "ümlaut", "__transaction_state_"):
        yield one(f"topic {topic[:20]!r}", three(), topic=topic)
    yield one("topic id none", three(), topic=bytes(16), version=13)
    yield one("topic id unknown", three(), topic=NOBODY, version=13)
    yield one("topic id unknown, bad batch", b"", topic=NOBODY, version=13)
    yield one("topic id, unknown partition", three(), partition=100000, version=13)
    yield one("topic unknown, bad batch", b"", topic="nowhere")
    yield one("partition negative", three(), partition=-1)
    for client in ("__admin_client", "__admin_client2", "", None):
        yield one(f"internal from {client!r}", three(), topic=INTERNAL, partition=0, client=client)
        yield one(f"internal from {client!r}, crc", three(crc_xor=1), topic=INTERNAL, partition=0, client=client)
    yield one("internal, null key", Batch([Record(None)]), topic=INTERNAL, partition=0, client="__admin_client")
    yield Case("no topics", [Produce(None, empty="topics")])
    yield Case("no partitions", [Produce(None, empty="partitions")])
    yield Case("no topics, acks 0", [Produce(None, empty="topics", acks=0)])
    for version in (3, 8, 9, 13):
        yield one(f"null records version {version}", None, version=version)
        yield one(f"empty records version {version}", b"", version=version)
    yield one("null records acks 0", None, acks=0)
    yield one("null records and a good partition", None, more=[("nowhere", 1, three())])
    yield one("bytes behind the request", three(), tail=b"\1\2\3")
    good, bad = three(), three(crc_xor=1)
    for name, more in {"good, unknown": (None, 100000, good), "good, unknown topic": ("nowhere", 0, good),
                       "good, internal": (INTERNAL, 0, good), "good, framing": (None, 100000, b""),
                       "good, magic": (None, 0, three(magic=0)), "good, same again": (None, None, three()),
                       "good, same again bad": (None, None, bad)}.items():
        if name == "good, magic":
            continue  # partition 0 is another case's
        yield Case(f"several {name}", [Produce(good, more=[more])])
        yield Case(f"several {name}, acks 2", [Produce(good, more=[more], acks=2)])
        yield Case(f"several {name}, acks 0", [Produce(good, more=[more], acks=0)])
    yield Case("several good, same topic again", [Produce(good, more=[(None, None, three(codec=GZIP))], split=True)])
    yield Case("several good, same topic again bad", [Produce(good, more=[(None, None, bad)], split=True)])
    yield Case("several bad, same topic again good", [Produce(bad, more=[(None, None, good)], split=True)])
    yield Case("several good, same topic again, other partition", [Produce(good, more=[(None, 100000, good)], split=True)])
    yield Case("several good, same topic again, thrice", [Produce(good, more=[(None, 100000, good), (None, 100001, good)], split=True)])
    yield Case("several good, same topic again, version 13", [Produce(good, more=[(None, 100000, good)], split=True, version=13)])
    yield Case("several good, same topic again, version 5", [Produce(good, more=[(None, 100000, good)], split=True, version=5)])
    yield Case("several good, same again, version 13", [Produce(good, more=[(None, None, three(codec=GZIP))], version=13)])
    yield Case("several good, unknown id twice", [Produce(good, more=[(NOBODY, 0, good), (NOBODY, 0, good)], version=13)])
    for name, odd in (("magic 3", three(magic=3)), ("tiny length", three(length=5)), ("transactional", three(flags=TRANSACTIONAL))):
        for acks in (-1, 0):
            yield Case(f"several good, then {name}, acks {acks}", [Produce(good, more=[("nowhere", 0, odd)], acks=acks)])
            yield Case(f"several {name}, then good, acks {acks}", [Produce(odd, more=[("nowhere", 0, good)], acks=acks)])
        yield Case(f"several {name}, version 3", [Produce(odd, more=[("nowhere", 0, good)], version=3)])
        yield Case(f"several {name}, version 13", [Produce(odd, more=[(NOBODY, 0, good)], version=13)])
    yield Case("several transactional, then magic 3", [Produce(three(flags=TRANSACTIONAL), more=[("nowhere", 0, three(magic=3))])])
    yield Case("several magic 3, then transactional", [Produce(three(magic=3), more=[("nowhere", 0, three(flags=TRANSACTIONAL))])])
    yield Case("several bad, same again good", [Produce(bad, more=[(None, None, good)])])
    yield Case("several good, transactional elsewhere", [Produce(good, more=[("nowhere", 0, three(flags=TRANSACTIONAL, pid=1, epoch=0, seq=0))])])
    yield Case("transactional behind, null id", [Produce(b"", more=[("nowhere", 0, three(flags=TRANSACTIONAL))])])
    yield Case("transactional second batch, null id", [Produce(three(after=three(flags=TRANSACTIONAL).encode()))])
    yield Case("transactional, null id, acks 0", [Produce(three(flags=TRANSACTIONAL), acks=0)])
    yield Case("transactional, magic 1", [Produce(three(flags=TRANSACTIONAL, magic=1))])
    yield Case("two transactional producers", [Produce(three(flags=TRANSACTIONAL, pid=1, epoch=0, seq=0), txn="x", more=[
        (INTERNAL, 0, three(flags=TRANSACTIONAL, pid=2, epoch=0, seq=0))], client="__admin_client")])
    yield Case("two transactional producers, one unknown partition", [Produce(three(flags=TRANSACTIONAL, pid=-1), txn="x", more=[
        (None, 100000, three(flags=TRANSACTIONAL, pid=2, epoch=0, seq=0))])])
    yield Case("transactional without a producer", [Produce(three(flags=TRANSACTIONAL), txn="x")])
    yield Case("transactional without a producer, recompressed", [Produce(three(flags=TRANSACTIONAL), txn="x")], to("zstd"))
    yield Case("an id, not transactional", [Produce(three(pid=5, epoch=0, seq=0), txn="x")])


# ---- framing -----------------------------------------------------------------------------------------------------

def framing():
    whole = three().encode()
    for cut in (1, 8, 11, 12, 15, 16, 17, 20, 21, 60, 61, 62, len(whole) - 1):
        yield one(f"cut to {cut} bytes", whole[:cut])
    for tail in (1, 11, 12, 16, 17, 60, 61, len(whole) - 1):
        yield one(f"followed by {tail} bytes of another", whole + whole[:tail])
    yield one("followed by zeros", whole + bytes(100))
    yield one("followed by garbage", whole + b"\xff" * 100)
    yield one("followed by magic 3", whole + three(magic=3).encode())
    yield one("followed by cut magic 3", whole + three(magic=3).encode()[:40])
    yield one("followed by a tiny length", whole + three(length=3).encode())
    yield one("followed by a cut tiny length", whole + three(length=3).encode()[:12])
    for length in (-1, -2**31, 0, 13, 14, 22, 48, 49, 2**31 - 1):
        yield one(f"length {length}", three(length=length))
    yield one("header only", Batch([], count=0, last_delta=-1))
    yield one("header only, counts one", Batch([], count=1, last_delta=0))
    for magic in (0, 1, 3, 127, -1, -128):
        yield one(f"magic {magic}", three(magic=magic))
        yield one(f"magic {magic}, long", Batch([Record(value=NOISE)], magic=magic))
    for attribute in (0x40, 0x80, 0x100, -0x8000, HORIZON | APPEND_TIME):
        yield one(f"attributes {attribute:#x}", three(flags=attribute))
        yield one(f"attributes {attribute:#x} to append time", three(flags=attribute), APPEND)
        yield one(f"attributes {attribute:#x} to gzip", three(flags=attribute), to("gzip"))
    for epoch in (0, 5, -2, 2**31 - 1):
        yield one(f"leader epoch {epoch}", three(leader_epoch=epoch))
    for base in (-1, 1, 2**63 - 1, -2**63):
        yield one(f"base offset {base}", three(base_offset=base))
    for codec in (5, 6, 7):
        yield one(f"codec {codec}", three(codec=codec))
        yield one(f"codec {codec} to gzip", three(codec=codec), to("gzip"))
    for codec in range(5):
        for count in (0, 1, 2, 4, -1, 2**31 - 1, -2**31):
            yield one(f"{CODECS[codec]} count {count}", three(codec=codec, count=count))
            yield one(f"{CODECS[codec]} count {count}, last to match",
                      three(codec=codec, count=count, last_delta=max(-2**31, min(count - 1, 2**31 - 1))))
    for last in (-1, -2**31, 2**31 - 1, 3):
        yield one(f"last offset delta {last}", three(last_delta=last))


# ---- records -----------------------------------------------------------------------------------------------------

OVERLONG = b"\x80\x80\x80\x80\x80\x80\x01"
LONGEST = b"\xff" * 10 + b"\x01"


def wrongs():
    """(name, what to do to a batch of three)"""
    def record(**fields):
        def change(b):
            b.records[1] = dataclasses.replace(b.records[1], **fields)
        return change

    def batch(**fields):
        def change(b):
            for name, value in fields.items():
                setattr(b, name, value)
        return change
    yield "header with null key", record(headers=((None, b"x"),))
    yield "header with null value", record(headers=((b"h", None),))
    yield "header with empty key", record(headers=((b"", b""),))
    yield "header key no UTF-8", record(headers=((b"\xff\xfe", b"x"),))
    yield "header key surrogates", record(headers=((b"\xed\xa0\x80", b"x"),))
    yield "headers twice", record(headers=((b"h", b"1"), (b"h", b"2")))
    yield "header count negative", record(header_count=-1)
    yield "header count 1, none there", record(header_count=1)
    yield "header count huge", record(header_count=2**31 - 1)
    yield "header count beyond 32 bits", record(header_count=2**33)
    yield "key size beyond", record(key_size=50)
    yield "key size huge", record(key_size=2**31 - 1)
    yield "key size -2", record(key=None, key_size=-2)
    yield "value size beyond", record(value_size=50)
    yield "value size -2", record(value=None, value_size=-2)
    yield "value null", record(value=None)
    yield "size one more", record(size=9)
    yield "size one less", record(size=7)
    yield "size two more, as many bytes", record(size=10, tail=b"\0\0")
    yield "size zero", record(size=0)
    yield "size negative", record(size=-5)
    yield "size huge", record(size=2**31 - 1)
    yield "size varint too long", record(size_bytes=OVERLONG)
    yield "size varint endless", record(size_bytes=b"\xff" * 5)
    yield "size varint of five bytes", record(size_bytes=b"\x90\x80\x80\x80\x00")
    yield "size varint sixty-four bits", record(size_bytes=varint(2**40))
    yield "timestamp varint too long", record(ts_bytes=LONGEST)
    yield "timestamp varint widest", record(ts_bytes=b"\x80" * 9 + b"\x00")
    yield "timestamp far", record(ts=2**62)
    yield "timestamp negative", record(ts=-2 * T0)
    yield "timestamp -1", record(ts=-1 - T0)
    yield "record attributes", record(attributes=5)
    yield "bytes behind the headers", record(tail=b"xyz")
    yield "record cut", record(cut=2)
    yield "no record but size", record(cut=100)
    yield "bytes behind the records", batch(body_tail=b"\0")
    yield "a record more", batch(body_tail=Record(delta=3).encode(3))
    yield "deltas 0 2 1", lambda b: (record(delta=2)(b), setattr(b.records[2], "delta", 1))
    yield "deltas 0 1 1", lambda b: setattr(b.records[2], "delta", 1)
    yield "deltas 1 2 3", lambda b: [setattr(r, "delta", i + 1) for i, r in enumerate(b.records)]
    yield "deltas 0 2 3, last 3", lambda b: ([setattr(r, "delta", d) for r, d in zip(b.records, (0, 2, 3))],
                                             setattr(b, "last_delta", 3))
    yield "delta negative", record(delta=-1)
    yield "delta beyond 32 bits", record(delta=2**35)
    yield "max timestamp wrong", batch(max_ts=T0 - 77)
    yield "max timestamp -1", batch(max_ts=-1)
    yield "base timestamp -1", batch(base_ts=-1)
    yield "base timestamp -5", batch(base_ts=-5)
    yield "base timestamp least", batch(base_ts=-2**63)
    yield "pid -2 without epoch", batch(pid=-2, epoch=-1, seq=0)
    yield "pid -2 without sequence", batch(pid=-2, epoch=0, seq=-1)
    yield "pid without epoch", batch(pid=9, epoch=-1, seq=0)
    yield "sequence without pid", batch(seq=4)
    yield "pid -2", batch(pid=-2, epoch=0, seq=0)
    yield "pid without sequence", batch(pid=9, epoch=0, seq=-1)
    yield "pid, sequence -2", batch(pid=9, epoch=0, seq=-2)


def records():
    for codec in range(5):
        for name, change in wrongs():
            for way, settings in (("", ""), (" recompressed", other_codec(codec))):
                batch = three(codec=codec)
                change(batch)
                yield one(f"{CODECS[codec]} {name}{way}", batch, settings)
    keyless = Batch([Record(None, value=bytes([i])) for i in range(20)])
    for codec in range(5):
        some = Batch([Record(None if i % 3 else b"k") for i in range(12)], codec=codec)
        yield one(f"{CODECS[codec]} null keys compacted", some, COMPACT)
        yield one(f"{CODECS[codec]} null keys compacted and deleted", some, "cleanup.policy=compact,delete")
        yield one(f"{CODECS[codec]} null keys compacted, recompressed", some, f"{COMPACT} {other_codec(codec)}")
        yield one(f"{CODECS[codec]} one null key", Batch([Record(), Record(None)], codec=codec), COMPACT)
        broken = Batch([Record(None), Record(), Record(size=99)], codec=codec)
        yield one(f"{CODECS[codec]} null key, then broken", broken, COMPACT)
        shifted = Batch([Record(None), Record(delta=5)], codec=codec)
        yield one(f"{CODECS[codec]} null key, then deltas", shifted, COMPACT)
    yield one("null keys, twenty", keyless, COMPACT)
    yield one("tombstones compacted", Batch([Record(value=None)] * 3), COMPACT)
    yield one("empty keys compacted", Batch([Record(b"")] * 3), COMPACT)


# ---- timestamps --------------------------------------------------------------------------------------------------

def timestamps(now):
    bounds = f"message.timestamp.before.max.ms={HOUR} message.timestamp.after.max.ms={HOUR}"
    open_ended = f"message.timestamp.after.max.ms={2**63 - 1}"
    nothing_new = "message.timestamp.after.max.ms=0 message.timestamp.before.max.ms=0"
    for codec in range(5):
        for hours in (-3, 0, 3):
            batch = Batch([Record(), Record(ts=hours * HOUR)], base_ts=now, codec=codec)
            for name, settings in (("", ""), (" bounds", bounds), (" bounds recompressed", f"{bounds} {other_codec(codec)}"),
                                   (" no bound", open_ended), (" append time", APPEND)):
                yield one(f"{CODECS[codec]} {hours:+d}h{name}", batch, settings)
    for name, settings in (("", ""), ("bounds ", bounds), ("no bound ", open_ended), ("nothing new ", nothing_new), ("append time ", APPEND)):
        for ts in (-1, -2, 0, 1, 2**63 - 1, -2**63, T0):
            yield one(f"{name}timestamp {ts}", Batch(base_ts=ts, max_ts=ts), settings)
    mixed = [Record(None), Record(ts=-3 * HOUR), Record(None, ts=-3 * HOUR), Record(ts=3 * HOUR), Record()]
    yield one("bounds and keys", Batch(mixed, base_ts=now), f"{COMPACT} {bounds}")
    yield one("bounds and keys, gzip", Batch(mixed, base_ts=now, codec=GZIP), f"{COMPACT} {bounds}")
    yield one("many out of bounds", Batch([Record(ts=-2 * HOUR)] * 10, base_ts=now), bounds)
    for codec in range(5):
        for way, settings in (("", ""), (" append time", APPEND), (" append time recompressed", f"{APPEND} {other_codec(codec)}"),
                              (" recompressed", other_codec(codec))):
            name = CODECS[codec] + way
            yield one(f"{name} flagged", three(codec=codec, flags=APPEND_TIME), settings)
            yield one(f"{name} flagged, max -1", three(codec=codec, flags=APPEND_TIME, max_ts=-1), settings)
            yield one(f"{name} flagged, all -1", Batch([Record()] * 2, codec=codec, flags=APPEND_TIME, base_ts=-1), settings)
            yield one(f"{name} flagged, max now", three(codec=codec, flags=APPEND_TIME, max_ts=now), settings)
            yield one(f"{name} flagged, max late", three(codec=codec, flags=APPEND_TIME, max_ts=now + 3 * HOUR), settings)
            yield one(f"{name} plain", three(codec=codec), settings)
            yield one(f"{name} horizon", three(codec=codec, flags=HORIZON), settings)
            yield one(f"{name} all -1", Batch([Record()] * 2, codec=codec, base_ts=-1), settings)
            yield one(f"{name} max wrong", three(codec=codec, max_ts=T0 + 1000), settings)


# ---- sizes, codecs -----------------------------------------------------------------------------------------------

SAMPLE = b"".join(struct.pack(">I", (i * 2654435761 >> 7) & 0xFFFF) + b"some text that repeats " for i in range(800))


def sizes():
    overhead = len(Batch([Record(value=bytes(200))]).encode()) - 200
    for over in (-1, 0, 1, 100):
        value = random.Random(over).randbytes(SMALL - overhead + over)
        yield one(f"size {over:+d}", Batch([Record(value=value)]), f"max.message.bytes={SMALL}")
        yield one(f"size {over:+d} to gzip", Batch([Record(value=value)]), f"max.message.bytes={SMALL} {to('gzip')}")
    for codec in range(1, 5):
        small = Batch([Record(value=bytes(1000))], codec=codec)
        yield one(f"{CODECS[codec]} grows beyond max.message.bytes", small, f"max.message.bytes={SMALL} {to('uncompressed')}")
        yield one(f"{CODECS[codec]} holds more than max.message.bytes", small, f"max.message.bytes={SMALL}")
        yield one(f"{CODECS[codec]} grows by recompression", Batch([Record(value=SAMPLE[:400])], codec=codec), f"max.message.bytes={SMALL} {to('snappy')}")
        large = Batch([Record(value=bytes(1200000))], codec=codec)
        yield one(f"{CODECS[codec]} grows beyond segment.bytes", large, f"segment.bytes=1048576 max.message.bytes=2000000 {to('uncompressed')}")
        yield one(f"{CODECS[codec]} holds more than segment.bytes", large, "segment.bytes=1048576 max.message.bytes=2000000")
    big = Batch([Record(value=bytes(1100000))])
    yield one("larger than max.message.bytes by default", big)
    yield one("larger than segment.bytes", big, "segment.bytes=1048576 max.message.bytes=2000000")
    yield one("larger than segment.bytes, append time", big, f"segment.bytes=1048576 max.message.bytes=2000000 {APPEND}")
    yield one("larger than segment.bytes, to zstd", big, f"segment.bytes=1048576 max.message.bytes=2000000 {to('zstd')}")
    yield one("larger than segment.bytes, bad sequence", Batch([Record(value=bytes(1100000))], pid=7, epoch=3, seq=9),
              "segment.bytes=1048576 max.message.bytes=2000000")
    half = Batch([Record(value=bytes(600000))])
    yield Case("two halves of a segment", [Produce(half), Produce(half), Produce(three())], "segment.bytes=1048576")
    for codec in range(1, 5):
        bomb = Batch([Record(value=bytes(4000000))] * 2, codec=codec)
        yield one(f"{CODECS[codec]} of eight million zeros", bomb)
        yield one(f"{CODECS[codec]} of eight million zeros, damaged count", dataclasses.replace(bomb, count=3, last_delta=2))
        yield one(f"{CODECS[codec]} of eight million zeros, recompressed", bomb, other_codec(codec))
    yield one("zstd of a hundred million zeros", Batch([Record(value=bytes(100000000))], codec=ZSTD))


def codecs():
    batch = [Record(value=SAMPLE[i * 100:i * 100 + 500], ts=i % 7, headers=((b"h", b"x"),) * (i % 3)) for i in range(200)]
    for codec in range(5):
        for target in ("producer", *TARGETS):
            name = f"{CODECS[codec]} to {target}"
            yield one(name, Batch(batch, codec=codec), to(target))
            yield one(f"{name}, append time", Batch(batch, codec=codec), to(target, APPEND))
            yield one(f"{name}, idempotent", three(codec=codec, pid=77, epoch=2, seq=0), to(target))
    for target, level in (("gzip", 1), ("gzip", 9), ("gzip", -1), ("lz4", 1), ("lz4", 9), ("lz4", 17), ("zstd", -7), ("zstd", 1),
                          ("zstd", 3), ("zstd", 22)):
        for codec in (NONE, SNAPPY):
            yield Case(f"{CODECS[codec]} to {target} at level {level}", [Produce(Batch([Record(value=SAMPLE)], codec=codec))],
                       to(target, f"compression.{target}.level={level}"), wants_size=True)


def with_name(data):
    """A gzip member whose header holds a file name."""
    return data[:3] + b"\x08" + data[4:10] + b"name\0" + data[10:]


def streams():
    body = b"".join(r.encode(i) for i, r in enumerate(three().records))
    half = len(body) // 2
    several = {
        GZIP: {"two members": gzip(body[:half]) + gzip(body[half:]), "with a name": with_name(gzip(body)),
               "behind it garbage": gzip(body) + b"garbage", "stored": gzip(body, 0), "zlib, not gzip": b"\x78\x9c" + gzip(body)[10:]},
        SNAPPY: {"raw": snappy_raw(body), "two blocks": snappy(body, half + 1), "empty block": snappy(body) + struct.pack(">i", 0),
                 "version 2": b"\x82SNAPPY\0" + struct.pack(">ii", 2, 1) + snappy(body)[16:],
                 "version 0": b"\x82SNAPPY\0" + struct.pack(">ii", 0, 0) + snappy(body)[16:],
                 "magic only": XERIAL, "half a magic": XERIAL[:6], "block of size -1": XERIAL + b"\xff" * 4,
                 "block beyond": XERIAL + struct.pack(">i", 1000) + snappy_raw(body), "header twice": snappy(body[:half]) + snappy(body[half:]),
                 "claims 4 GiB": XERIAL + struct.pack(">i", 6) + b"\xff\xff\xff\xff\x0f\x00"},
        LZ4: {"dependent blocks": lz4(body, independent=0), "content checksum": lz4(body, content_checksum=1),
              "block checksum": lz4(body, block_checksum=1), "content size": lz4(body, content_size=len(body)),
              "wrong content size": lz4(body, content_size=len(body))[:6] + b"\x05" + lz4(body, content_size=len(body))[7:],
              "two frames": lz4(body[:half]) + lz4(body[half:]), "behind it garbage": lz4(body) + b"garbage",
              "skippable frame": b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"skip" + lz4(body), "no end mark": lz4(body)[:-4],
              "wrong header checksum": lz4(body)[:6] + bytes([lz4(body)[6] ^ 1]) + lz4(body)[7:]},
        ZSTD: {"two frames": zstd(body[:half]) + zstd(body[half:]), "skippable frame": b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"skip" + zstd(body),
               "behind it garbage": zstd(body) + b"garbage", "behind it a skippable frame": zstd(body) + b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"skip",
               "skippable frame only": b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"skip", "empty frame": zstd(b"") + zstd(body)},
    }
    for codec in range(1, 5):
        good = COMPRESS[codec](body)
        for place in sorted({0, 1, 3, 4, 5, 6, 8, 10, 16, 19, 20, len(good) // 2, len(good) - 9, len(good) - 5, len(good) - 1}):
            yield one(f"{CODECS[codec]} stream, byte {place} turned", three(codec=codec, damage=place))
        yield one(f"{CODECS[codec]} stream, last byte turned, recompressed", three(codec=codec, damage=-1), other_codec(codec))
        for cut in (1, 2, 4, 8, len(good) // 2, len(good)):
            yield one(f"{CODECS[codec]} stream, {cut} bytes cut", three(codec=codec, stream_cut=cut))
        yield one(f"{CODECS[codec]} stream, zeros behind", three(codec=codec, stream_tail=bytes(20)))
        yield one(f"{CODECS[codec]} stream of nothing", three(codec=codec, stream=COMPRESS[codec](b"")))
        for other in range(5):
            if other != codec:
                yield one(f"{CODECS[codec]} claimed, {CODECS[other]} sent", three(codec=codec, stream=COMPRESS[other](body)))
        for name, stream in several[codec].items():
            yield one(f"{CODECS[codec]} stream, {name}", three(codec=codec, stream=stream))
            yield one(f"{CODECS[codec]} stream, {name}, recompressed", three(codec=codec, stream=stream), other_codec(codec))


# ---- producers ---------------------------------------------------------------------------------------------------

def batch_of(seq, count=1, epoch=0, pid=42, **fields):
    return Batch([Record(value=str(seq + i).encode()) for i in range(count)], pid=pid, epoch=epoch, seq=seq, **fields)


def producers():
    def case(name, *batches, settings="", **ask):
        return Case(f"producer {name}", [Produce(b, **ask) for b in batches], settings)
    s = batch_of
    top = 2**31 - 1
    yield case("in order", s(0), s(1), s(2, 3), s(5))
    yield case("begins at 9", s(9), s(10))
    yield case("duplicate", s(0), s(0))
    yield case("duplicate of three", s(0, 3), s(0, 3), s(3))
    yield case("duplicate with other bytes", s(0), s(0, codec=LZ4), s(1))
    yield case("duplicate, fifth back", *[s(i) for i in range(5)], s(0), s(5))
    yield case("duplicate, sixth back", *[s(i) for i in range(6)], s(0), s(6))
    yield case("duplicate, other count", s(0, 3), s(0, 2), s(0, 4))
    yield case("overlap", s(0, 3), s(1, 2), s(2, 3))
    yield case("gap", s(0), s(2), s(1))
    yield case("back", s(5), s(4), s(3))
    yield case("wraps", s(top), s(0), s(1))
    yield case("wraps within", s(top - 1, 4), s(2), s(top - 1, 4))
    yield case("wraps, then gap", s(top), s(1), s(top), s(0))
    yield case("new epoch", s(0), s(0, epoch=1), s(1, epoch=1), s(1, epoch=0))
    yield case("new epoch, sequence 1", s(0), s(1, epoch=1), s(1))
    yield case("old epoch", s(0, epoch=3), s(1, epoch=2), s(0, epoch=2), s(1, epoch=3))
    yield case("old epoch, duplicate sequence", s(0, epoch=3), s(0, epoch=2))
    yield case("old epoch and gap", s(0, epoch=3), s(7, epoch=2))
    yield case("epoch at the top", s(0, epoch=32767), s(1, epoch=32767), s(0, epoch=-32768))
    yield case("epoch -1", s(0, epoch=-1), s(1, epoch=-1), s(0, epoch=0))
    yield case("epoch -2", s(0, epoch=-2))
    yield case("two", s(0), s(0, pid=43), s(1), s(1, pid=43), s(0), s(0, pid=43))
    yield case("none between", s(0), Batch(), s(1))
    yield case("pid -5", s(0, pid=-5), s(0, pid=-5), s(9, pid=-5))
    yield case("pid at the top", s(0, pid=2**63 - 1), s(1, pid=2**63 - 1))
    for codec in range(1, 5):
        yield case(f"{CODECS[codec]} duplicate", s(0, 2, codec=codec), s(0, 2, codec=codec), s(2, codec=codec))
        yield case(f"{CODECS[codec]} recompressed duplicate", s(0, 2, codec=codec), s(0, 2, codec=codec), settings=other_codec(codec))
    yield case("duplicate, append time", s(0), s(0), s(1), settings=APPEND)
    yield case("duplicate, max wrong", s(0, max_ts=T0 + 50), s(0))
    yield case("duplicate, refused bytes", s(0), s(0, crc_xor=1), s(0, base_offset=3), s(0, codec=6))
    yield case("duplicate, late", s(0), s(0, base_ts=T0 * 2), s(1))
    yield case("duplicate, null key", s(0), Batch([Record(None)], pid=42, epoch=0, seq=0), settings=COMPACT)
    yield case("refused, then right", s(0), s(1, crc_xor=1), s(1))
    yield case("gap, acks 0", s(0), s(2), acks=0)
    yield case("duplicate, acks 1", s(0), s(0), s(0), acks=1)
    for version in (3, 5, 7, 8, 9, 10, 11, 13):
        yield case(f"version {version} duplicate", s(0), s(0), version=version)
        yield case(f"version {version} gap", s(0), s(2), version=version)
        yield case(f"version {version} old epoch", s(0, epoch=2), s(1, epoch=1), version=version)
    yield Case("producer duplicate in one request", [Produce(s(0), more=[(None, None, s(0))])])
    yield case("time of a duplicate", s(0, base_ts=T0 + 7), s(0))


def all_cases(now):
    yield from pairs()
    yield from requests()
    yield from framing()
    yield from records()
    yield from timestamps(now)
    yield from sizes()
    yield from codecs()
    yield from streams()
    yield from producers()
