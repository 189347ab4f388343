from litestar import Litestar, get


@get("/")
async def home() -> str:
    return "Good morning"


def create_app() -> Litestar:
    return Litestar([home])
