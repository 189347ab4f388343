from robyn import Robyn

app = Robyn(__file__)


@app.get("/")
async def home(request):
    return "Good morning"


if __name__ == "__main__":
    app.start(port=8765)
