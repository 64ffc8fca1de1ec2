"""The MCP server and the way of each call to its answer."""
