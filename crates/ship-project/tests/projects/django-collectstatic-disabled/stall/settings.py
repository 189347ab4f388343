from pathlib import Path

HOME = Path(__file__).parent.parent
SECRET_KEY = "for a test"
INSTALLED_APPS = ["django.contrib.staticfiles"]
STATIC_URL = "/static/"
STATIC_ROOT = HOME / "collected"
