from celery import Celery, Task
from flask import Flask


def celery_init_app(app):
    celery_app = Celery(app.name, task_cls=Task)
    celery_app.config_from_object(app.config["CELERY"])
    app.extensions["celery"] = celery_app
    return celery_app


def create_app():
    app = Flask(__name__)
    app.config.from_mapping(CELERY={"broker_url": "redis://localhost", "beat_schedule": {}})
    app.config.from_prefixed_env()
    celery_init_app(app)
    return app
