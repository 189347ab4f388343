import cherrypy


class Home:
    @cherrypy.expose
    def index(self):
        return "Good morning"


app = cherrypy.Application(Home(), "/")
