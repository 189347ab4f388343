from fastmcp import FastMCP

weather = FastMCP("weather")


@weather.tool
def sky(place: str) -> str:
    return "blue"


def main():
    weather.run(transport="http", path="/tools/weather")


if __name__ == "__main__":
    main()
