from fastapi import FastAPI

import prices

app = FastAPI()
