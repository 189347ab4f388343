from fastapi import APIRouter, FastAPI

app = FastAPI()
router = APIRouter()


@router.get("/items")
def items():
    return ["tea", "scone"]


app.include_router(router, prefix="/api")
