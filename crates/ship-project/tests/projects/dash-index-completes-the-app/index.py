from dash import dcc, html

from app import app
from pages import harbour

app.layout = html.Div([dcc.Location(id="where"), harbour.layout])

if __name__ == "__main__":
    app.run(debug=True)
