import os

from fastapi import APIRouter, FastAPI

app = FastAPI()
router = APIRouter()


@router.get("/teas")
def teas():
    return ["green"]


app.include_router(router, prefix=os.environ["PREFIX"])
