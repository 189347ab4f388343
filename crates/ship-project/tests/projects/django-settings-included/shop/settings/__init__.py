from os import environ

from split_settings.tools import include, optional

environ.setdefault('SHOP_STAGE', 'production')
STAGE = environ['SHOP_STAGE']

parts = ('parts/*.py', f'stages/{STAGE}.py', optional('stages/mine.py'))
include(*parts)
