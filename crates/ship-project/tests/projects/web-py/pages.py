import web

urls = ("/", "Home")


class Home:
    def GET(self):
        return "Good morning"


shop = web.application(urls, globals())

if __name__ == "__main__":
    shop.run()
