import flask as fl
from werkzeug.middleware.proxy_fix import ProxyFix

from middleware import Timed

application = fl.Flask(__name__)
application.wsgi_app = ProxyFix(application.wsgi_app)
app = Timed(application)
