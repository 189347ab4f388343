# app = Flask(__name__)
"""from flask import Flask; app = Flask(__name__)"""
EXAMPLE = "app = FastAPI()"
from flask import request
