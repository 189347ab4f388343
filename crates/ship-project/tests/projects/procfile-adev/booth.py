from aiohttp import web


def make():
    return web.Application()
