from shop.broker import broker


@broker.task
async def send(to: str) -> None:
    print(to)
