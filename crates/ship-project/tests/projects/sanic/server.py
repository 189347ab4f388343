from sanic import Sanic
from sanic.response import text

app = Sanic("Kiosk")


@app.get("/")
async def home(request):
    return text("Good morning")


if __name__ == "__main__":
    app.run(port=8001, dev=True)
