from app import app


@app.route("/")
def quay():
    return "two ships in"
