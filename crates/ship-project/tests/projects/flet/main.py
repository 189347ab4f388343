import flet as ft


def main(page: ft.Page):
    page.title = "Counter"
    number = ft.Text("0")

    def add(event):
        number.value = str(int(number.value) + 1)
        page.update()

    page.add(number, ft.FilledButton("One more", on_click=add))


ft.run(main)
