import os

import redis
from flask import Flask
from rq import Queue

app = Flask(__name__)
connection = redis.from_url(os.environ["REDIS_TLS_URL"])
mails = Queue("mails", connection=connection)
reports = Queue(name="reports", connection=connection)
