from bottle import route, run


@route("/")
def home():
    return "Good morning"


run(host="0.0.0.0", port=8080, reloader=True)
