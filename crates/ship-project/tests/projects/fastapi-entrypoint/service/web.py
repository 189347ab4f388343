from fastapi import FastAPI as Web

api: Web = Web(title="x")
