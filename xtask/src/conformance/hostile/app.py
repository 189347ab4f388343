"""A small app that reads what it is sent and answers at once: app.py PORT."""

import asyncio
import re
import sys

SMALL = b"x" * 100
LARGE = b"x" * 1_000_000


def answer(body):
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n"
    return (head % len(body)).encode() + body


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            if length:
                await reader.readexactly(int(length[1]))
            elif re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
                while await reader.readuntil(b"\r\n") != b"0\r\n":
                    await reader.readuntil(b"\r\n")
                await reader.readuntil(b"\r\n")
            large = head.split(b" ", 2)[1] == b"/large"
            writer.write(answer(LARGE if large else SMALL))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
