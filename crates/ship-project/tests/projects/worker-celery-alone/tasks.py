from celery import Celery

app = Celery("tasks", broker="amqp://guest@localhost//")
app.conf.beat_schedule = {"sweep": {"task": "tasks.sweep", "schedule": 3600.0}}


@app.task
def sweep():
    return "swept"
