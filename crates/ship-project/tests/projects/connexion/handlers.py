async def greeting():
    return "Good morning"
