import environ

env = environ.Env()
SECRET_KEY = env("SECRET_KEY")
ROOT_URLCONF = "bakery.urls"
WSGI_APPLICATION = "bakery.wsgi.application"
INSTALLED_APPS = ["django_rq"]
RQ_QUEUES = {
    "default": {"URL": env("VALKEY_URL", default="redis://localhost:6379")},
    "slow": {"URL": env("VALKEY_URL", default="redis://localhost:6379")},
}
