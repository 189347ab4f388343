from .live import *

DEBUG = True
