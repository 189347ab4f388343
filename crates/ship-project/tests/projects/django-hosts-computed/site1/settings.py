import os

SECRET_KEY = "x"
INSTALLED_APPS = []
WSGI_APPLICATION = "site1.wsgi.application"
DEBUG = "PRODUCTION" not in os.environ
ALLOWED_HOSTS = []
