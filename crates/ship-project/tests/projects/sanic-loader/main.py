from functools import partial

from sanic import Sanic
from sanic.worker.loader import AppLoader


def create(name):
    app = Sanic(name)
    return app


if __name__ == "__main__":
    loader = AppLoader(factory=partial(create, "stall"))
    app = loader.load()
    app.prepare(port=9119)
    Sanic.serve(primary=app, app_loader=loader)
