"""Real MCP hosts, Claude Code and Codex, on scripted models of this folder: what the models would read."""
