import os

SECRET_KEY = "x"
INSTALLED_APPS = []
WSGI_APPLICATION = "site1.wsgi.application"
DEBUG = False
ALLOWED_HOSTS = ["example.org"]
if "PREVIEW" in os.environ:
    ALLOWED_HOSTS.append("*")
