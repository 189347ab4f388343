import os
from pathlib import Path

from decouple import config

BASE_DIR = Path(__file__).resolve().parents[2]
SECRET_KEY = config("SECRET_KEY")
DEBUG = config("DEBUG", default=False, cast=bool)
DJANGO_APPS = ["django.contrib.auth", "django.contrib.staticfiles"]
THIRD_PARTY_APPS = ["rest_framework"]
INSTALLED_APPS = DJANGO_APPS + THIRD_PARTY_APPS
WSGI_APPLICATION = "config.wsgi.application"
STATIC_URL = "/assets/"
MEDIA_ROOT = os.path.join(BASE_DIR, "uploads")
MEDIA_URL = "https://cdn.example.org/media/"
