import os

import redis
from rq import Queue, Worker

connection = redis.from_url(os.getenv("REDIS_URL", "redis://localhost:6379"))

if __name__ == "__main__":
    queues = [Queue(name, connection=connection) for name in ("urgent", "mails")]
    Worker(queues, connection=connection).work()
