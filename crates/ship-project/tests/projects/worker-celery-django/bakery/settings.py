import os

SECRET_KEY = os.environ["SECRET_KEY"]
ROOT_URLCONF = "bakery.urls"
THIRD_PARTY_APPS = ["django_celery_beat"]
INSTALLED_APPS = ["django.contrib.auth"] + THIRD_PARTY_APPS
CELERY_BROKER_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")
