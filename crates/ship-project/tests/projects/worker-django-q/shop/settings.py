import os

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = []
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django_q"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}}
Q_CLUSTER = {"name": "shop", "orm": "default", "workers": 2}
