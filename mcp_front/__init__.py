"""MCP over streamable HTTP: knows tools, clients and their scopes; knows no TWS, and decides nothing about money."""

VERSION = "0.1.0"
