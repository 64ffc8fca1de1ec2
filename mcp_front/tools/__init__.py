"""The MCP server, and the path of each call to its answer."""
