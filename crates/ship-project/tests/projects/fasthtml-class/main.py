from fasthtml.common import FastHTML, H1, serve

application = FastHTML()


@application.get("/")
def home():
    return H1("Good morning")


serve(app="application")
