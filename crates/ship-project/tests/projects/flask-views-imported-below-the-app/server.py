from app import app

app.run(port=8000)
