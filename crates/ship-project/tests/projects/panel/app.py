import panel as pn

pn.extension()
pn.Column("# Good morning").servable()
