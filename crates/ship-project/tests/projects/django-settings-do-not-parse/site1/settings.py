DEBUG = False
INSTALLED_APPS = [
    "episodes",
DATABASES = {}
