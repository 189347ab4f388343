from flask import Flask


def main():
    from waitress import serve

    app = Flask("booth")
    app.add_url_rule("/", view_func=lambda: "Good morning")
    serve(app, port=8600)
