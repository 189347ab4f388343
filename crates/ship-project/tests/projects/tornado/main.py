import asyncio

import tornado.web


class Home(tornado.web.RequestHandler):
    def get(self):
        self.write("Good morning")


def make_app():
    return tornado.web.Application([(r"/", Home)])


async def main():
    app = make_app()
    app.listen(8888)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
