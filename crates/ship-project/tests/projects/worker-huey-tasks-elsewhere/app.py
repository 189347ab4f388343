from flask import Flask

from jobs import send

app = Flask(__name__)
app.add_url_rule("/", view_func=lambda: str(send()))
