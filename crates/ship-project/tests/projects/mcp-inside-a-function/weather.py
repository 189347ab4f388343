from mcp.server.fastmcp import FastMCP


def main():
    weather = FastMCP("weather")
    weather.run()


if __name__ == "__main__":
    main()
