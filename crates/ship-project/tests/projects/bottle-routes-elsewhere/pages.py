from bottle import get


@get("/")
def home():
    return "Good morning"
