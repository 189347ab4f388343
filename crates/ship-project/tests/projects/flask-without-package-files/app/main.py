from flask import Flask

from app.views import pages

app = Flask(__name__)
