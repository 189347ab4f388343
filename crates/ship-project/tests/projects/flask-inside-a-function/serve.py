from flask import Flask


def main():
    shop = Flask(__name__)
    shop.add_url_rule("/", view_func=lambda: "open")
    shop.run(port=5000)


if __name__ == "__main__":
    main()
