import os

from celery import Celery

app = Celery('tasks', broker='pyamqp://guest@localhost//')


@app.task
def send(to):
    return os.environ['API_KEY'], to
