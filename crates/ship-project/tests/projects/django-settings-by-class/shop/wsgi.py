import os

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')
os.environ.setdefault('DJANGO_CONFIGURATION', 'Live')

from configurations.wsgi import get_wsgi_application

application = get_wsgi_application()
