import cherrypy


class Home:
    @cherrypy.expose
    def index(self):
        return "Good morning"


if __name__ == "__main__":
    cherrypy.config.update({"server.socket_host": "0.0.0.0", "server.socket_port": 9090})
    cherrypy.quickstart(Home())
