from flask import Flask


def create_app(stage, debug=True):
    app = Flask(__name__)
    app.config.update(STAGE=stage, DEBUG=debug)
    return app
