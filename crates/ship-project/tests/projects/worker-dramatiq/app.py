import dramatiq
from fastapi import FastAPI

from jobs.mail import send
from settings import RABBITMQ_URL

app = FastAPI()
