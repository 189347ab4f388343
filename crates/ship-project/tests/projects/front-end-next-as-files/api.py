from flask import Flask

app = Flask(__name__)


@app.route("/api/teas")
def teas():
    return ["green"]
