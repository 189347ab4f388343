"""Calls of gRPC that both sides know by heart, with `grpcio` on both.

    serve PORT                     the app
    visit WAY PORT CA CALLS        calls, a line for each: what both sides saw of it

WAY is `past` (the app itself, without TLS) or `through` (the door, with TLS). What a call is like
follows from its number alone.
"""

import json
import random
import sys
import threading
import time
from concurrent import futures
from hashlib import sha256

import grpc

HOST = "blog.localhost"
CODES = list(grpc.StatusCode)
MOST = 1 << 20
OPTIONS = [("grpc.max_receive_message_length", MOST + 1024), ("grpc.max_send_message_length", MOST + 1024)]


def digest(message):
    return f"{len(message)}:{sha256(message).hexdigest()[:12]}"


class Calls(grpc.GenericRpcHandler):
    """Each method says in a trailer what it saw."""

    def service(self, details):
        kind = details.method.rsplit("/", 1)[1]
        make = {
            "One": lambda: grpc.unary_unary_rpc_method_handler(self.one),
            "Many": lambda: grpc.unary_stream_rpc_method_handler(self.many),
            "Upload": lambda: grpc.stream_unary_rpc_method_handler(self.upload),
            "Talk": lambda: grpc.stream_stream_rpc_method_handler(self.talk),
            "Fail": lambda: grpc.unary_unary_rpc_method_handler(self.fail),
            "Wait": lambda: grpc.unary_stream_rpc_method_handler(self.wait),
        }.get(kind)
        return make and make()

    def __init__(self):
        self.left = threading.Semaphore(0)

    @staticmethod
    def seen(context):
        sent = {name: value for name, value in context.invocation_metadata() if name.startswith("x-call")}
        return tuple(("x-seen-" + name[2:], value) for name, value in sorted(sent.items()) if not name.endswith("-bin"))

    def one(self, message, context):
        context.send_initial_metadata((("x-early", "yes"),))
        context.set_trailing_metadata(self.seen(context) + (("x-digest-bin", sha256(message).digest()),))
        return message[::-1]

    def many(self, message, context):
        context.set_trailing_metadata(self.seen(context))
        for at in range(message[0]):
            yield message[1:] + bytes([at])

    def upload(self, messages, context):
        digests = [digest(message) for message in messages]
        context.set_trailing_metadata(self.seen(context))
        return "\n".join(digests).encode()

    def talk(self, messages, context):
        for message in messages:
            yield b"heard " + message
        context.set_trailing_metadata(self.seen(context))

    def fail(self, message, context):
        context.set_trailing_metadata((("x-why", "asked for it"),))
        context.abort(CODES[message[0] % len(CODES)] if message[0] else grpc.StatusCode.INTERNAL, "as you wish: ü, %")

    def wait(self, message, context):
        """Says one thing, and then nothing until the caller has gone."""
        gone = threading.Event()

        def left():
            gone.set()
            self.left.release()

        context.add_callback(left)
        yield b"here"
        gone.wait(30)


def serve(port):
    server = grpc.server(futures.ThreadPoolExecutor(16), options=OPTIONS)
    calls = Calls()
    server.add_generic_rpc_handlers((calls,))
    # How many callers of `Wait` were noticed to have gone.
    def gone(message, context):
        return b"gone" if calls.left.acquire(timeout=10) else b"nobody has gone"
    handlers = {"Gone": grpc.unary_unary_rpc_method_handler(gone)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("calls.Left", handlers),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def message(dice):
    size = dice.choice([0, 1, 5, 100, 16_384, 65_536, MOST])
    return dice.randbytes(size)


def described(call, messages):
    """What a caller sees of the end of a call."""
    trailers = sorted((name, value.hex() if isinstance(value, bytes) else value) for name, value in call.trailing_metadata() if name.startswith("x-"))
    early = sorted(pair for pair in call.initial_metadata() if pair[0].startswith("x-early"))
    return [str(call.code()), call.details(), early, trailers, messages]


def visit(channel, number):
    dice = random.Random(number)
    kind = ["One", "Many", "Upload", "Talk", "Fail", "Wait", "Nowhere", "Late"][number % 8]
    fields = (("x-call-number", str(number)), ("x-call-data-bin", dice.randbytes(20)))
    method = "/calls.Calls/" + {"Late": "Wait"}.get(kind, kind)
    if kind == "One":
        call = channel.unary_unary(method).future(message(dice), metadata=fields, timeout=60)
        return described(call, [digest(call.result())])
    if kind == "Many":
        asked = bytes([dice.randrange(60)]) + dice.randbytes(dice.choice([0, 1000, 40_000]))
        call = channel.unary_stream(method)(asked, metadata=fields, timeout=60)
        return described(call, [digest(message) for message in call])
    if kind == "Upload":
        messages = [message(dice) for _ in range(dice.randrange(8))]
        call = channel.stream_unary(method).future(iter(messages), metadata=fields, timeout=60)
        return described(call, call.result().decode().split("\n"))
    if kind == "Talk":
        # Each message waits for the answer to the one before.
        turn = threading.Semaphore(1)
        messages = [dice.randbytes(dice.choice([0, 10, 20_000])) for _ in range(dice.randrange(1, 12))]

        def speak():
            for one in messages:
                turn.acquire()
                yield one

        call = channel.stream_stream(method)(speak(), metadata=fields, timeout=60)
        heard = []
        for one in call:
            heard.append(digest(one))
            turn.release()
        return described(call, heard)
    if kind == "Wait":
        call = channel.unary_stream(method)(b"", metadata=fields, timeout=60)
        first = next(call)
        call.cancel()
        gone = channel.unary_unary("/calls.Left/Gone")(b"", timeout=60)
        return [first.decode(), str(call.code()), gone.decode()]
    if kind == "Late":
        call = channel.unary_stream(method)(b"", metadata=fields, timeout=1)
        heard = []
        try:
            for one in call:
                heard.append(one.decode())
        except grpc.RpcError:
            pass
        gone = channel.unary_unary("/calls.Left/Gone")(b"", timeout=60)
        return [heard, str(call.code()), gone.decode()]
    try:
        call = channel.unary_unary(method).future(bytes([1 + number % (len(CODES) - 1)]), metadata=fields, timeout=60)
        call.result()
    except grpc.RpcError:
        pass
    return described(call, [])


def main():
    command, *rest = sys.argv[1:]
    if command == "serve":
        return serve(int(rest[0]))
    way, port, ca, count = rest[0], int(rest[1]), rest[2], int(rest[3])
    address = f"127.0.0.1:{port}"
    if way == "past":
        channel = grpc.insecure_channel(address, OPTIONS)
    else:
        with open(ca, "rb") as file:
            credentials = grpc.ssl_channel_credentials(file.read())
        named = [("grpc.ssl_target_name_override", HOST), ("grpc.default_authority", HOST)]
        channel = grpc.secure_channel(address, credentials, OPTIONS + named)

    def line(number):
        try:
            return json.dumps([number, visit(channel, number)])
        except Exception as error:
            return json.dumps([number, f"broken: {error!r}"])

    with futures.ThreadPoolExecutor(8) as pool:
        for told in pool.map(line, range(count)):
            print(told)


main()
