from shop.settings.parts import ROOT, config

SECRET_KEY = config('DJANGO_SECRET_KEY')
PAGE = config('PAGE', 20, cast=int)
INSTALLED_APPS = ['django.contrib.staticfiles', 'django.contrib.sessions']
ROOT_URLCONF = 'shop.urls'
WSGI_APPLICATION = 'shop.wsgi.application'
STATIC_ROOT = ROOT / 'public'
STATIC_URL = '/static/'
