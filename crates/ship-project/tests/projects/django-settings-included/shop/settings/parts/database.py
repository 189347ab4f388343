from shop.settings.parts import config

DATABASES = {
    'default': {
        'ENGINE': 'django.db.backends.postgresql',
        'NAME': config('POSTGRES_DB'),
        'HOST': config('POSTGRES_HOST'),
    },
    # The path is that of a file that is included before.
    'archive': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ROOT / 'archive.sqlite3'},
}
