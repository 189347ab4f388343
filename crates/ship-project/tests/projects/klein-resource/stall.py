from klein import Klein

stall = Klein()


@stall.route("/")
def home(request):
    return "Good morning"


resource = stall.resource
