from pyramid.config import Configurator


def main(settings, **local):
    return Configurator(settings=local).make_wsgi_app()
