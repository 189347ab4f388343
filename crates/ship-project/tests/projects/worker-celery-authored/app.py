import os

from celery import Celery
from flask import Flask

app = Flask(__name__)
queue = Celery(__name__, broker=os.getenv("CLOUDAMQP_URL"))
