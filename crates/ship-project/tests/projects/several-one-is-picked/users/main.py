from fastapi import FastAPI

import names

app = FastAPI()
