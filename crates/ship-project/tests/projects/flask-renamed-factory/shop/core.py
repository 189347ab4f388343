import flask as web


def create(config):
    return web.Flask(config)
