from shiny.express import input, render, ui

ui.input_slider("guests", "Guests", 0, 20, 4)


@render.text
def chairs():
    return f"{input.guests()} chairs"
