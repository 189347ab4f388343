import mesop as me


@me.page(path="/")
def quay():
    me.text("two ships in")
