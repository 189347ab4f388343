"""Sessions of WebSockets that both sides know by heart, played by the package `websockets`.

    sessions.py serve PORT
    sessions.py visit RUN WAY PORT APP SESSIONS

WAY is `http1` or `http2` (RFC 8441, over TLS). The visitor prints what each side of each session heard, in the order of sessions; what
the app heard it is told by the app itself, past everything in between.
"""

import asyncio
import hashlib
import json
import random
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode
from websockets.protocol import CLIENT, Protocol

AT_ONCE = 16
DEADLINE = 120
LARGEST = 1 << 20
# Who waits for a pong reads on meanwhile: it comes behind what the other side is sending.
SETTINGS = {"max_size": None, "max_queue": None, "ping_interval": None}
CODES = [1000, 1001, 1008, 1011, 3000, 4242, 4999]


def script(number):
    """Steps of a session, and how it ends: the same wherever it is asked for."""
    chance = random.Random(f"session {number}")
    steps = [step(chance) for _ in range(chance.randint(0, 8))]
    # Nobody ends it while the other one waits for a pong.
    steps += [("visitor", "text", ["ready"]), ("app", "text", ["ready"])]
    end = ("vanish",) if chance.random() < 0.1 else ("close", chance.choice(CODES), "x" * chance.randint(0, 123))
    return steps, (chance.choice(["visitor", "app"]), end)


def step(chance):
    who = chance.choice(["visitor", "app"])
    kind = chance.choice(["text", "binary", "binary", "ping"])
    if kind == "ping":
        return who, kind, chance.randbytes(chance.randint(0, 125))
    size = 0 if chance.random() < 0.1 else min(LARGEST, int(2 ** chance.uniform(0, 20.2)))
    if kind == "text":
        content = ("".join(chance.choices("abc \u00e9\u4e2d\U0001f600", k=97)) * (size // 97 + 1))[: size // 2]
    else:
        content = chance.randbytes(size)
    count = chance.choice([1, 1, 2, 3, 7])
    cuts = sorted(chance.randint(0, len(content)) for _ in range(count - 1))
    parts = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)])]
    return who, kind, parts


async def play(side, me, number):
    """What `me` hears in a session."""
    steps, (who_ends, end) = script(number)
    heard = []
    for who, kind, content in steps:
        if who == me and kind == "ping":
            heard.append(["pong", await side.ping(content)])
        elif who == me:
            await side.send(content)
        elif kind != "ping":
            heard.append(await side.receive())
    if who_ends == me:
        await side.end(*end)
    heard.append(await side.over())
    return heard


def shown(fragments):
    """Kind, lengths of fragments, and a hash of it all."""
    plain = [part.encode() if isinstance(part, str) else bytes(part) for part in fragments]
    kind = "text" if isinstance(fragments[0], str) else "binary"
    return [kind, [len(part) for part in plain], hashlib.sha256(b"".join(plain)).hexdigest()]


class Whole:
    """A side that the package plays from the first byte to the last."""

    def __init__(self, socket):
        self.socket = socket

    async def send(self, parts):
        await self.socket.send(parts if len(parts) > 1 else parts[0])

    async def receive(self):
        return shown([part async for part in self.socket.recv_streaming()])

    async def ping(self, content):
        await (await self.socket.ping(content))
        return content.hex()

    async def end(self, how, *why):
        if how == "close":
            await self.socket.close(*why)
        else:
            self.socket.transport.abort()

    async def over(self):
        await self.socket.wait_closed()
        return ended(self.socket.protocol)


def ended(protocol):
    """Codes that came and went; nothing of a side that vanished."""
    of = lambda close: close and [close.code, close.reason]
    return ["over", of(protocol.close_rcvd), of(protocol.close_sent)]


# The app.

heard_by_app = {}


async def answer(socket):
    _, run, what = socket.request.path.split("/")
    heard = heard_by_app.setdefault(run, {})
    if what.startswith("report-"):
        async with asyncio.timeout(DEADLINE):
            while len(heard) < int(what.removeprefix("report-")):
                await asyncio.sleep(0.01)
        return await socket.send(json.dumps(heard))
    try:
        async with asyncio.timeout(DEADLINE):
            heard[what] = await play(Whole(socket), "app", int(what))
    except (ConnectionClosed, TimeoutError) as error:
        heard[what] = [f"broken: {error!r}"]


async def serving(port):
    async with serve(answer, "127.0.0.1", port, **SETTINGS):
        await asyncio.get_running_loop().create_future()


# Visitors of HTTP/1.1.


async def visit_http1(port, run, number):
    url = f"ws://127.0.0.1:{port}/{run}/{number}"
    compression = "deflate" if number % 2 else None
    async with connect(url, compression=compression, proxy=None, **SETTINGS) as socket:
        return await play(Whole(socket), "visitor", number)


# Visitors of HTTP/2: the package's frames on streams.


class Connection:
    """A connection of HTTP/2 that carries several sessions."""

    @classmethod
    async def open(cls, port):
        import h2.config
        import h2.connection

        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        self = cls()
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="localhost"
        )
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.port, self.streams, self.moved = port, {}, asyncio.Condition()
        self.reading = asyncio.create_task(self.read())
        self.flush()
        await self.until(lambda: self.h2.remote_settings.enable_connect_protocol)
        return self

    def flush(self):
        self.writer.write(self.h2.data_to_send())

    async def until(self, holds):
        async with self.moved:
            await self.moved.wait_for(holds)

    async def read(self):
        import h2.events as events

        while data := await self.reader.read(1 << 16):
            for event in self.h2.receive_data(data):
                stream = self.streams.get(getattr(event, "stream_id", None))
                if isinstance(event, events.DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    stream.came(event.data)
                elif isinstance(event, events.ResponseReceived):
                    stream.head = dict(event.headers)
                elif isinstance(event, (events.StreamEnded, events.StreamReset)) and stream:
                    stream.ended_there = True
                    stream.protocol.receive_eof()
                    stream.step()
            self.flush()
            async with self.moved:
                self.moved.notify_all()

    async def close(self):
        self.reading.cancel()
        self.writer.close()


class Stream:
    """A session on one stream."""

    def __init__(self, connection, path):
        self.connection = connection
        self.protocol = Protocol(CLIENT, max_size=None)
        self.messages, self.fragments, self.pongs = [], [], []
        self.waiting, self.head = bytearray(), None
        self.ended_here = self.ended_there = False
        self.number = connection.h2.get_next_available_stream_id()
        connection.streams[self.number] = self
        connection.h2.send_headers(
            self.number,
            [
                (":method", "CONNECT"),
                (":protocol", "websocket"),
                (":scheme", "https"),
                (":path", path),
                (":authority", f"localhost:{connection.port}"),
                ("sec-websocket-version", "13"),
            ],
        )
        connection.flush()

    async def opened(self):
        await self.connection.until(lambda: self.head or self.ended_there)
        if not self.head or self.head[":status"] != "200":
            raise ConnectionError(f"no WebSocket: {self.head}")
        self.pumping = asyncio.create_task(self.pump())

    def came(self, data):
        self.protocol.receive_data(data)
        self.step()

    def step(self):
        for frame in self.protocol.events_received():
            if frame.opcode is Opcode.PONG:
                self.pongs.append(bytes(frame.data))
            elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                if frame.opcode is not Opcode.CONT:
                    self.kind = frame.opcode
                self.fragments.append(bytes(frame.data))
                if frame.fin:
                    self.messages.append((self.kind, self.fragments))
                    self.fragments = []
        for data in self.protocol.data_to_send():
            self.waiting += data
            self.ended_here |= not data

    async def pump(self):
        """Sends as much as the windows let through."""
        h2 = self.connection.h2
        window = lambda: 0 if self.ended_there else h2.local_flow_control_window(self.number)
        while True:
            await self.connection.until(lambda: self.ended_there or self.ended_here or (self.waiting and window() > 0))
            if self.ended_there:
                return
            most = min(window(), h2.max_outbound_frame_size)
            piece = bytes(self.waiting[:most])
            if piece:
                del self.waiting[: len(piece)]
                h2.send_data(self.number, piece)
            elif self.ended_here and not self.waiting:
                h2.end_stream(self.number)
                self.connection.flush()
                return
            self.connection.flush()
            await self.connection.writer.drain()

    async def moved(self):
        self.step()
        async with self.connection.moved:
            self.connection.moved.notify_all()

    async def send(self, parts):
        plain = [part.encode() if isinstance(part, str) else part for part in parts]
        first = self.protocol.send_text if isinstance(parts[0], str) else self.protocol.send_binary
        # As the package's own sides do it: a message in pieces ends with an empty one.
        first(plain[0], fin=len(plain) == 1)
        for part in plain[1:]:
            self.protocol.send_continuation(part, fin=False)
        if len(plain) > 1:
            self.protocol.send_continuation(b"", fin=True)
        await self.moved()

    async def receive(self):
        await self.connection.until(lambda: self.messages or self.ended_there)
        kind, fragments = self.messages.pop(0)
        if kind is Opcode.BINARY:
            return shown(fragments)
        lengths = [len(part) for part in fragments]
        return ["text", lengths, hashlib.sha256(b"".join(fragments)).hexdigest()]

    async def ping(self, content):
        self.protocol.send_ping(content)
        await self.moved()
        await self.connection.until(lambda: self.pongs or self.ended_there)
        return self.pongs.pop(0).hex()

    async def end(self, how, *why):
        if how == "close":
            self.protocol.send_close(*why)
            await self.moved()
        else:
            self.pumping.cancel()
            self.connection.h2.reset_stream(self.number, 8)
            self.connection.flush()
            self.ended_there = True

    async def over(self):
        await self.connection.until(lambda: self.ended_there)
        return ended(self.protocol)


async def visit_http2(connection, run, number):
    stream = Stream(connection, f"/{run}/{number}")
    await stream.opened()
    return await play(stream, "visitor", number)


# All of them.


async def visiting(run, way, port, app, sessions):
    numbers = iter(range(sessions))
    heard = {}

    async def one_after_the_other(visit, *first):
        for number in numbers:
            try:
                async with asyncio.timeout(DEADLINE):
                    heard[str(number)] = await visit(*first, run, number)
            except (OSError, ConnectionClosed, IndexError, TimeoutError) as error:
                heard[str(number)] = [f"broken: {error!r}"]

    if way == "http1":
        await asyncio.gather(*(one_after_the_other(visit_http1, port) for _ in range(AT_ONCE)))
    else:
        connections = [await Connection.open(port) for _ in range(4)]
        shared = connections * (AT_ONCE // 4)
        await asyncio.gather(*(one_after_the_other(visit_http2, connection) for connection in shared))
        for connection in connections:
            await connection.close()
    url = f"ws://127.0.0.1:{app}/{run}/report-{sessions}"
    async with connect(url, proxy=None, **SETTINGS) as socket:
        by_app = json.loads(await socket.recv())
    for number in map(str, range(sessions)):
        print(json.dumps([number, heard.get(number), by_app.get(number)]))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serving(int(sys.argv[2])))
    else:
        run, way, port, app, sessions = sys.argv[2:]
        asyncio.run(visiting(run, way, int(port), int(app), int(sessions)))
