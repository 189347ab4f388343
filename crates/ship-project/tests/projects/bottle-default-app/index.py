import bottle


@bottle.route("/")
def home():
    return "Good morning"


application = bottle.default_app()
