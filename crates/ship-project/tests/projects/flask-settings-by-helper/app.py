import os

from flask import Flask


def env(name, default=None):
    value = os.environ.get(name, default)
    if value == "":
        return default
    return value


app = Flask(__name__)
app.secret_key = env("SHOP_SECRET")
app.config["SQLALCHEMY_DATABASE_URI"] = env("SHOP_DATABASE")
app.config["SHOP_MODE"] = env("SHOP_MODE")
