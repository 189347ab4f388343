class Echo:
    async def __call__(self, scope, receive, send):
        pass


app = Echo()
