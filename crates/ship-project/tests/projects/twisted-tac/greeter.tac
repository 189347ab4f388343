from twisted.application import service, strports
from twisted.web import resource, server


class Home(resource.Resource):
    isLeaf = True

    def render_GET(self, request):
        return b"Good morning"


application = service.Application("greeter")
strports.service("tcp:8080", server.Site(Home())).setServiceParent(application)
