import os

from arq.connections import RedisSettings


async def fetch(ctx, url):
    return url


class WorkerSettings:
    functions = [fetch]
    redis_settings = RedisSettings.from_dsn(os.environ["REDIS_URL"])
