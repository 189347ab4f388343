from flask import Flask

from queue_of_tasks import queue

app = Flask(__name__)
