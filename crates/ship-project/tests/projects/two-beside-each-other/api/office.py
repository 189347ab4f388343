from fastapi import FastAPI

office = FastAPI()
