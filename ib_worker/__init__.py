"""The process that owns one TWS session: it knows TWS, and no MCP."""

__version__ = "0.1.0"
