from bottle import Bottle, run

app = Bottle()


@app.get("/")
def home():
    return "Good morning"


if __name__ == "__main__":
    run(app, host="localhost", port=8080, reloader=True)
