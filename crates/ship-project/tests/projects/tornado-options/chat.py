import asyncio

import tornado
from tornado.options import define, options

PORT = 8889
define("port", default=PORT, type=int)


class Home(tornado.web.RequestHandler):
    def get(self):
        self.write("Good morning")


class Chat(tornado.web.Application):
    def __init__(self):
        super().__init__([(r"/", Home)])


async def main():
    tornado.options.parse_command_line()
    Chat().listen(options.port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
