from litestar import Litestar, get


@get("/")
async def counter() -> str:
    return "open"


def make() -> Litestar:
    return Litestar([counter])
