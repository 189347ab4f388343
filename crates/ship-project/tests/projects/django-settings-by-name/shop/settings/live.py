import os
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
SECRET_KEY = os.environ['SECRET_KEY']
INSTALLED_APPS = ['django.contrib.staticfiles', 'django.contrib.sessions']
ROOT_URLCONF = 'shop.urls'
STATIC_ROOT = HERE / 'public'
STATIC_URL = '/static/'
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': HERE / 'shop.sqlite3'}}
ALLOWED_HOSTS = ['*']
