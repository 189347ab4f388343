import asyncio
import os
from pathlib import Path

import grpc

from prices_pb2_grpc import add_PricesServicer_to_server
from services import Prices


async def main():
    server = grpc.aio.server()
    add_PricesServicer_to_server(Prices(), server)
    pair = (Path("key.pem").read_bytes(), Path("certificate.pem").read_bytes())
    port = os.environ.get("PORT", "50051")
    server.add_secure_port(f"[::]:{port}", grpc.ssl_server_credentials([pair]))
    await server.start()
    await server.wait_for_termination()


asyncio.run(main())
