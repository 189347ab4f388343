from wsgiref.simple_server import make_server

from pyramid.config import Configurator
from pyramid.response import Response


def home(request):
    return Response("Good morning")


def main():
    with Configurator() as config:
        config.add_route("home", "/")
        config.add_view(home, route_name="home")
        return config.make_wsgi_app()


if __name__ == "__main__":
    make_server("0.0.0.0", 6543, main()).serve_forever()
