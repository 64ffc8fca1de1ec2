"""`make bench-peers`: this project against other MCP servers for TWS, all at one simulated gateway, in one run."""
