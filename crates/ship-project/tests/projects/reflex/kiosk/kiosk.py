import reflex as rx


def index():
    return rx.text("Good morning")


app = rx.App()
app.add_page(index)
