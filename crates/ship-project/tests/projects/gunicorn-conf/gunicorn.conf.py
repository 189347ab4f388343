import os

wsgi_app = "shop.web:create_app()"
workers = 3
bind = "0.0.0.0:" + os.environ.get("PORT", "8000")
