from fastapi import FastAPI

app = FastAPI()
url = "sqlite:///test.db"
