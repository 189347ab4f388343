project = "Kite"
extensions = ["sphinx.ext.autodoc"]
extensions += ["myst_parser"]
html_theme = "furo"
