from service import build

app = build()
