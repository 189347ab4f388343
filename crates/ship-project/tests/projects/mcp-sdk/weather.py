from mcp.server import MCPServer

mcp = MCPServer("Weather")


@mcp.tool()
def sky(place: str) -> str:
    return "blue"


if __name__ == "__main__":
    mcp.run()
