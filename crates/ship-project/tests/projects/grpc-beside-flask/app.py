from flask import Flask

app = Flask(__name__)


@app.get("/")
def front():
    return "prices, for people"
