from service.factory import build
