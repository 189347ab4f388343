from taipy.gui import Gui

level = 10
page = """
# Level
<|{level}|slider|>
"""

if __name__ == "__main__":
    Gui(page=page).run(title="Level", port=5005, debug=True, use_reloader=True)
