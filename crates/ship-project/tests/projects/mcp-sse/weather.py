from mcp.server.fastmcp import FastMCP

weather = FastMCP("weather")


@weather.tool()
def sky(place: str) -> str:
    return "blue"


if __name__ == "__main__":
    weather.run("sse")
