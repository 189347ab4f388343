import asyncio

from websockets.asyncio.server import serve


async def answer(socket):
    async for message in socket:
        await socket.send(message)


async def main():
    async with serve(answer, "localhost", 8765) as server:
        await server.serve_forever()


asyncio.run(main())
