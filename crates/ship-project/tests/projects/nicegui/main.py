from nicegui import ui

ui.label("Good morning")

ui.run(port=8090, reload=False, show=False)
