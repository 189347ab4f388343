import flet as ft


def main(page: ft.Page):
    page.add(ft.Text("Hello"))


app = ft.run(main, export_asgi_app=True)
