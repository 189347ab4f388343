import os

from dramatiq.brokers.rabbitmq import RabbitmqBroker
from fastapi import FastAPI
from huey import RedisHuey

app = FastAPI()
huey = RedisHuey("shop", host=os.environ.get("REDIS_HOST", "localhost"))
broker = RabbitmqBroker(host="localhost")
