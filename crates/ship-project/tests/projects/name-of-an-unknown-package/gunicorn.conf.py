wsgi_app = "kiosk.wsgi:app"
