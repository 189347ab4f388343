from flask import Flask


class Shop:
    def __init__(self):
        self.pages = Flask(__name__)


shop = Shop()
app = shop.pages
