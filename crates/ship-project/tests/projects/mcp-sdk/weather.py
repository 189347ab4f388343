from mcp.server.fastmcp import FastMCP

mcp = FastMCP("Weather")


@mcp.tool()
def sky(place: str) -> str:
    return "blue"


if __name__ == "__main__":
    mcp.run()
