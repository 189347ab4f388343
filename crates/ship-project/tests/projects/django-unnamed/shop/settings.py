DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django.contrib.gis"]
WSGI_APPLICATION = "shop.wsgi.application"
ROOT_URLCONF = "shop.urls"
DATABASES = {
    "default": {"ENGINE": "django.contrib.gis.db.backends.postgis", "NAME": "shop"},
    "old": {"ENGINE": "django.db.backends.postgresql", "NAME": "old"},
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
