"""Settings: safe without a single variable, each of them open to the environment.

| variable | is | without it |
|---|---|---|
| `SHIP_DATA_DIR` | the folder that outlives releases | `var` beside `manage.py` |
| `SECRET_KEY` | signs sessions | made once, kept in the data folder |
| `DEBUG` | `1` on the way | off |
| `ALLOWED_HOSTS` | host names, separated by commas | names of this machine only |
| `TIME_ZONE` | of the dates on the pages | `UTC` |
"""

import os
from pathlib import Path

from .secret_key import secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
BEHIND_SHIP = "SHIP_DATA_DIR" in os.environ

DEBUG = os.environ.get("DEBUG") == "1"

DATA = Path(os.environ.get("SHIP_DATA_DIR") or BASE_DIR / "var")
if not BEHIND_SHIP:
    DATA.mkdir(exist_ok=True)

SECRET_KEY = secret_key(DATA)
ALLOWED_HOSTS = [
    host.strip()
    for host in os.environ.get("ALLOWED_HOSTS", "localhost,.localhost,127.0.0.1").split(",")
]

INSTALLED_APPS = [
    "podcast",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "talkshow.urls"
WSGI_APPLICATION = "talkshow.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "podcast.show.context",
            ],
        },
    },
]

# The site and its worker write to one file: WAL lets them read meanwhile, and a transaction asks
# for the pen when it begins, so that none has to give up half-way.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA / "talkshow.sqlite3",
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Outside of DEBUG the names of static files carry a hash of their content.
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
MEDIA_URL = "/media/"
MEDIA_ROOT = DATA / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage."
        + ("StaticFilesStorage" if DEBUG else "ManifestStaticFilesStorage"),
    },
}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = os.environ.get("TIME_ZONE", "UTC")
USE_TZ = True

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# The front door says how the visitor came; from anybody else that word would mean nothing.
if BEHIND_SHIP:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = "Lax"

TEST_RUNNER = "podcast.tests.runner.Runner"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
