from fastapi import APIRouter, FastAPI

from .config import settings

app = FastAPI()
router = APIRouter()


@router.get("/teas")
def teas():
    return ["green"]


app.include_router(router, prefix=settings.API_PATH)
