from klein import Klein

app = Klein()


@app.route("/")
def home(request):
    return "Good morning"


if __name__ == "__main__":
    app.run("localhost", 8080)
