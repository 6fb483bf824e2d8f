#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy that writes down what a client and a broker say to each other: for golden files.

    capture.py LABEL LISTEN_PORT BROKER_PORT

Prints LABEL, request or response, API key, version and the frame in hex (without its length), separated by tabs; one
frame of each kind, the first that is no longer than 600 bytes. The broker must advertise LISTEN_PORT. Ends with its
standard input.
"""
import socket
import struct
import sys
import threading

FRAME_MAX = 600
label, listen_port, broker_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
seen = set()
lock = threading.Lock()


def note(direction, key, version, frame):
    with lock:
        kind = (direction, key, version)
        if kind not in seen and len(frame) <= FRAME_MAX:
            seen.add(kind)
            print('\t'.join([label, direction, str(key), str(version), frame.hex()]), flush=True)


def frames(source, target):
    """Passes bytes on as they come; yields whole frames."""
    pending = b''
    while True:
        try:
            data = source.recv(65536)
        except OSError:
            data = b''
        if not data:
            try:
                target.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            return
        pending += data
        while len(pending) >= 4 and len(pending) >= 4 + struct.unpack('>i', pending[:4])[0]:
            size = struct.unpack('>i', pending[:4])[0]
            yield pending[4:4 + size]
            pending = pending[4 + size:]
        target.sendall(data)


def serve(client):
    broker = socket.create_connection(('127.0.0.1', broker_port))
    waiting = {}

    def requests():
        for frame in frames(client, broker):
            key, version, correlation = struct.unpack('>hhi', frame[:8])
            waiting[correlation] = (key, version)
            note('request', key, version, frame)

    def responses():
        for frame in frames(broker, client):
            key, version = waiting.pop(struct.unpack('>i', frame[:4])[0])
            note('response', key, version, frame)

    for body in (requests, responses):
        threading.Thread(target=body, daemon=True).start()


def accept(listener):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


listening = socket.create_server(('127.0.0.1', listen_port))
threading.Thread(target=accept, args=(listening,), daemon=True).start()
sys.stdin.read()
