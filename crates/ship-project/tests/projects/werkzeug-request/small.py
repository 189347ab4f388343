from werkzeug.wrappers import Request, Response


@Request.application
def answer(request):
    return Response("Good morning, " + request.args.get("name", "you"))


if __name__ == "__main__":
    from werkzeug.serving import run_simple

    run_simple("localhost", 4000, answer)
