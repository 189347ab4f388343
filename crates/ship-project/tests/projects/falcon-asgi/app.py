import falcon.asgi


class Home:
    async def on_get(self, request, response):
        response.text = "Good morning"


app = falcon.asgi.App()
app.add_route("/", Home())
