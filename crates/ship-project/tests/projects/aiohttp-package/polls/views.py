from aiohttp import web


async def home(request):
    return web.Response(text="Good morning")
