from fastapi import FastAPI

from config import ADDRESS

app = FastAPI(title=ADDRESS)
