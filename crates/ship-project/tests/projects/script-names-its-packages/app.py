# /// script
# requires-python = ">=3.12"
# dependencies = [
#   "flask>=3",
#   "gunicorn==23.0.0",
# ]
# ///
from flask import Flask

app = Flask(__name__)
