from .environment import get_env_variable, read

SECRET_KEY = get_env_variable("SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = ["shop.example"]
ROOT_URLCONF = "config.urls"
STAGE = read("STAGE")
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",
        "USER": get_env_variable("DB_USER"),
        "PASSWORD": get_env_variable("DB_PASSWORD"),
        "HOST": get_env_variable("DB_HOST"),
    }
}
