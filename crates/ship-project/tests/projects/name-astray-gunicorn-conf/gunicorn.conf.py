wsgi_app = "shopp.wsgi:app"
