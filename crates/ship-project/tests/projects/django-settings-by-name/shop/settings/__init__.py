import importlib
import os

stage = importlib.import_module('shop.settings.' + os.environ.get('STAGE', 'live'))
globals().update({name: getattr(stage, name) for name in dir(stage) if name.isupper()})
