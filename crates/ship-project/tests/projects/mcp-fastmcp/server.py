from fastmcp import FastMCP

mcp = FastMCP("Weather")


@mcp.tool
def sky(place: str) -> str:
    return "blue"


if __name__ == "__main__":
    mcp.run(transport="http", port=8000)
