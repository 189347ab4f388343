from pathlib import Path

from configurations import Configuration, values

HERE = Path(__file__).resolve().parent.parent


class Common(Configuration):
    SECRET_KEY = values.SecretValue()
    INSTALLED_APPS = ['django.contrib.staticfiles', 'django.contrib.sessions']
    ROOT_URLCONF = 'shop.urls'
    STATIC_ROOT = HERE / 'public'
    STATIC_URL = '/static/'
    DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': HERE / 'shop.sqlite3'}}
    DEBUG = False


class Desk(Common):
    DEBUG = True
    STATIC_URL = '/desk/'


class Live(Common):
    ALLOWED_HOSTS = ['*']
