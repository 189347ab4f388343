from functools import partial

from sanic import Sanic, text
from sanic.worker.loader import AppLoader


def create(name):
    app = Sanic(name)
    app.add_route(lambda request: text("Good morning"), "/", name="home")
    return app


if __name__ == "__main__":
    loader = AppLoader(factory=partial(create, "stall"))
    app = loader.load()
    app.prepare(port=9119)
    Sanic.serve(primary=app, app_loader=loader)
