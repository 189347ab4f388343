import asyncio

from grpclib.server import Server

from services import Prices


async def main():
    server = Server([Prices()])
    await server.start("127.0.0.1", 50051)
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
