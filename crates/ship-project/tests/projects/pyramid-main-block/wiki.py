from wsgiref.simple_server import make_server

from pyramid.config import Configurator
from pyramid.response import Response


def home(request):
    return Response("Good morning")


if __name__ == "__main__":
    with Configurator() as config:
        config.add_route("home", "/")
        config.add_view(home, route_name="home")
        wiki = config.make_wsgi_app()
    make_server("0.0.0.0", 6544, wiki).serve_forever()
