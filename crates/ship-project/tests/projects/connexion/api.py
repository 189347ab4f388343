from connexion import AsyncApp

app = AsyncApp(__name__, specification_dir=".")
app.add_api("openapi.yaml")
