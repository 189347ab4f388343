from booth.answers import answer


def main():
    from waitress import serve

    serve(answer.wrapped, port=8600)
