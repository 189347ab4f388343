from fastapi import FastAPI


class Service(FastAPI):
    pass


def build(debug: bool = False) -> FastAPI:
    service = Service(debug=debug)
    return service
