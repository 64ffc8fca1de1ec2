"""MCP and JSON-RPC values on their way in and out."""
