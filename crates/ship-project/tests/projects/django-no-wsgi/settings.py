SECRET_KEY = "x"
INSTALLED_APPS = []
ALLOWED_HOSTS = ["example.org"]
DEBUG = True
