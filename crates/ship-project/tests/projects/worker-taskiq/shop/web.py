from fastapi import FastAPI

from shop.letters import send

app = FastAPI()


@app.post("/orders")
async def order(to: str):
    await send.kiq(to)
