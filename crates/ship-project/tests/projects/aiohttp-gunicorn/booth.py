from aiohttp import web


async def home(request):
    return web.Response(text="Good morning")


booth = web.Application()
booth.router.add_get("/", home)
