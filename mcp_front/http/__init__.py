"""The HTTP surface around the MCP endpoint: paths, refusals, the start page."""
