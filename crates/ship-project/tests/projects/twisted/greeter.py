from twisted.internet import endpoints, reactor
from twisted.web import resource, server


class Home(resource.Resource):
    isLeaf = True

    def render_GET(self, request):
        return b"Good morning"


endpoint = endpoints.TCP4ServerEndpoint(reactor, 8080)
endpoint.listen(server.Site(Home()))
reactor.run()
