import os

from .reading import env

os.environ.setdefault('MODE', 'live')
os.environ['TZ'] = 'UTC'

MODE = os.environ['MODE']
TIME_ZONE = os.environ['TZ']
SECRET_KEY = env('DJANGO_SECRET_KEY')
DEBUG = env.bool('DJANGO_DEBUG', False)
PAGE = env.int('PAGE', 20)
TITLE = env('TITLE', str, 'Shop')
LEVEL = env('LEVEL')
# Nothing stands in for these two: the second argument says what kind of value it is.
MAIL_HOST = env.str('MAIL_HOST')
RATE = env('RATE', int)
INSTALLED_APPS = ['orders']
ROOT_URLCONF = 'shop.urls'
ALLOWED_HOSTS = ['*']
