from aiohttp import web


async def home(request):
    return web.Response(text="Good morning")


async def make(argv=None):
    booth = web.Application()
    booth.router.add_get("/", home)
    return booth
