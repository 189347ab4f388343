import falcon


class Home:
    def on_get(self, request, response):
        response.text = "Good morning"


app = application = falcon.App()
app.add_route("/", Home())
