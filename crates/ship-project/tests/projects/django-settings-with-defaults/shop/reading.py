import environ

env = environ.Env(LEVEL=(str, 'info'))
