import asyncio

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

server = Server("weather")


async def main():
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main())
