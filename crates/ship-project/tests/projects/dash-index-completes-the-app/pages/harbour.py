from dash import html

layout = html.Div("ships at anchor")
