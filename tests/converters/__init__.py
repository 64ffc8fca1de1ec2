"""The published schemas, by the packages that hosts put between MCP and a model."""
