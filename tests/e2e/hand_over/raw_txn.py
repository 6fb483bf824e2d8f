#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Transactions without a coordinator: batches with the transactional bit and WriteTxnMarkers, by hand, into one partition.

    raw_txn.py PORT TOPIC ROUND       two commits, two aborts between one another, one left open by a producer of its own
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "lib"))
import raw

WRITE_TXN_MARKERS = 27
FIRST_ID = 700000


def transactional(values, producer_id, epoch, sequence):
    data = bytearray(raw.batch(values))
    struct.pack_into(">h", data, 21, 0x10)
    struct.pack_into(">qhi", data, 43, producer_id, epoch, sequence)
    struct.pack_into(">I", data, 17, raw.crc32c(bytes(data[21:])))
    return bytes(data)


def produce(c, topic, producer_id, epoch, sequence, values):
    data = transactional(values, producer_id, epoch, sequence)
    name = raw.string(f"raw-{producer_id}")
    body = name + struct.pack(">hi", -1, 30000) + struct.pack(">i", 1) + raw.string(topic)
    c.send(raw.PRODUCE, 3, body + struct.pack(">iii", 1, 0, len(data)) + data)
    return c.receive_produce()


def end(c, topic, producer_id, epoch, commits):
    name = topic.encode()
    marker = struct.pack(">qhb", producer_id, epoch, 1 if commits else 0)
    marker += b"\x02" + bytes([len(name) + 1]) + name + b"\x02" + struct.pack(">i", 0) + b"\0"
    marker += struct.pack(">i", 1) + b"\0"
    answer = c.ask(WRITE_TXN_MARKERS, 1, b"\0\x02" + marker + b"\0")
    # The partition's error code is followed by the tagged fields of the partition, topic, marker and answer.
    code = struct.unpack_from(">h", answer, len(answer) - 6)[0]
    if code:
        raise raw.ErrorCode(code, "WriteTxnMarkers")


def main():
    port, topic, turn = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    first, second, third = (FIRST_ID + 10 * turn + i for i in range(3))
    with raw.Connection(port) as c:
        for t in range(4):
            for i in range(3):
                produce(c, topic, first, 0, 6 * t + 2 * i, [f"{turn}:{t}:{i}:{n}".encode() for n in range(2)])
                produce(c, topic, second, 0, 3 * t + i, [f"{turn}:{t}:{i}".encode()])
            end(c, topic, first, 0, t % 2 == 0)
            end(c, topic, second, 0, t % 2 == 1)
        produce(c, topic, third, 0, 0, [b"open"])
        if turn < 3:  # the last round leaves it open
            end(c, topic, third, 0, False)


main()
