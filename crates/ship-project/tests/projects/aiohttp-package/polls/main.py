from aiohttp import web

from polls.views import home


def init():
    app = web.Application()
    app.router.add_get("/", home)
    return app


def main():
    web.run_app(init(), host="0.0.0.0", port=9001)
