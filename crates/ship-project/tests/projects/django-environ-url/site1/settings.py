import environ

env = environ.Env(DEBUG=(bool, False))
DEBUG = env("DEBUG")
SECRET_KEY = env("SECRET_KEY")
DATABASES = {"default": env.db("DATABASE_URL", default="sqlite:///data/site.sqlite3")}
INSTALLED_APPS = []
