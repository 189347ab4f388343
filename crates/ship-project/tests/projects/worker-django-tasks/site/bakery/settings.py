SECRET_KEY = "x"
ROOT_URLCONF = "bakery.urls"
INSTALLED_APPS = ["django_tasks", "django_tasks.backends.database"]
TASKS = {"default": {"BACKEND": "django_tasks.backends.database.DatabaseBackend"}}
