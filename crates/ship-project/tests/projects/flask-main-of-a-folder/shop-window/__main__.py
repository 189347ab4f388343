from flask import Flask

app = Flask(__name__)


@app.get("/")
def window():
    return "open from nine to five"


if __name__ == "__main__":
    app.run(debug=True)
