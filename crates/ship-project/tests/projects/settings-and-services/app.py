import os

import redis
from decouple import config
from environs import Env
from flask import Flask

env = Env()

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]
there = os.environ["ALREADY_THERE"]
mail = config("MAIL_SERVER")
sender = config("MAIL_SENDER", default="nobody@example.com")
pool = env.int("POOL_SIZE")
debug = env.bool("DEBUG", False)
url = os.environ.get("DATABASE_URL", "postgresql+psycopg://localhost/shop")
cache = redis.from_url(os.environ["REDIS_URL"])
if "SENTRY_DSN" in os.environ:
    dsn = os.environ["SENTRY_DSN"]
