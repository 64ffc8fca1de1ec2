"""MCP's conformance suite, the Inspector and clients of other makers, against the front and against FastMCP alone."""
