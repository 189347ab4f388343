import os

ADDRESS = os.getenv('DATABASE_URL', 'sqlite://')
