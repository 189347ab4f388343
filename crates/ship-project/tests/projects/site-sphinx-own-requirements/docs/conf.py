project = "quay"
html_theme = "furo"
