import responder

api = responder.API()


@api.route("/")
def home(request, response):
    response.text = "Good morning"


if __name__ == "__main__":
    api.run()
