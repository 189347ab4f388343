import solara


@solara.component
def Page():
    solara.Markdown("all lamps are lit")
