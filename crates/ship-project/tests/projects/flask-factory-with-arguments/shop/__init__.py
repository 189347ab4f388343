from flask import Flask


def create_app(stage, testing=False):
    app = Flask(__name__)
    app.config["STAGE"] = stage
    return app
