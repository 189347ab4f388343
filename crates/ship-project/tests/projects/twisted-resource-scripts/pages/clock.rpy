import time

from twisted.web.resource import Resource


class Clock(Resource):
    def render_GET(self, request):
        return time.ctime().encode()


resource = Clock()
