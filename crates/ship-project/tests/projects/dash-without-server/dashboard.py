import dash
from dash import html

board = dash.Dash(__name__)
board.layout = html.Div("Good morning")

if __name__ == "__main__":
    board.run(debug=True)
