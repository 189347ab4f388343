async def application(scope, receive, send):
    raise NotImplementedError
