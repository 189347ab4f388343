import panel as pn


def figures():
    return pn.Column("Good morning")


pn.serve(figures, port=5077)
