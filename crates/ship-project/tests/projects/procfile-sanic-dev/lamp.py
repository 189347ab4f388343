from sanic import Sanic

app = Sanic("lamp")
