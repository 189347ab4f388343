from flask import Flask

lamp = Flask(__name__)
