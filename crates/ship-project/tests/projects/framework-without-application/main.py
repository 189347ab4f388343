from flask import Blueprint
from kit import Site

pages = Blueprint("pages", __name__)

if __name__ == "__main__":
    Site(pages).start()
