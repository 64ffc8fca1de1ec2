"""Set-up instructions for the MCP clients that people use; the README's instructions are checked against these."""

import json

NAME = "ibkr"


def ways_to_add(url: str) -> dict[str, str]:
    """Return, by the host's name, the command to type, or the file and what to write into it."""
    vscode = json.dumps({"name": NAME, "type": "http", "url": url}, separators=(",", ":"))
    return {
        "Claude Code": f"claude mcp add --transport http {NAME} {url}",
        "Cursor": f"~/.cursor/mcp.json: {cursor_config(url)}",
        "VS Code": f"code --add-mcp '{vscode}'",
        "Codex": f"~/.codex/config.toml:\n{codex_config(url)}",
        "Gemini CLI": f"gemini mcp add --transport http {NAME} {url}",
    }


def cursor_config(url: str) -> str:
    """Return what `~/.cursor/mcp.json` says, as one line of JSON."""
    return json.dumps({"mcpServers": {NAME: {"url": url}}})


def codex_config(url: str) -> str:
    """Return what to append to `~/.codex/config.toml`: a table's header needs a line of its own in TOML."""
    return f'[mcp_servers.{NAME}]\nurl = "{url}"'


def described(url: str) -> list[str]:
    """Return the lines that a terminal shows: a host's name, then its way, further lines of it indented."""
    return [f"  {host:<12} {way.replace(chr(10), chr(10) + ' ' * 15)}" for host, way in ways_to_add(url).items()]
