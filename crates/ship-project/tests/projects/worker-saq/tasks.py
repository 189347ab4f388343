import os

from saq import Queue

queue = Queue.from_url(os.environ.get("REDIS_URL", "redis://localhost"))


async def greet(ctx, *, name):
    return name


settings = {"queue": queue, "functions": [greet], "concurrency": 4}
