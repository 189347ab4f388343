from bottle import request, route, run


@route("/")
def home():
    return "Good morning, " + request.query.get("name", "you")


run(host="localhost", port=8080, reloader=True)
