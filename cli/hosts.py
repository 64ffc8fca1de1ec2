"""How to add the server to the programs that people use; the README's words for the same are checked against these."""

import json

NAME = "ibkr"


def ways_to_add(url: str) -> dict[str, str]:
    """The host's name, and the command to run or the file to edit."""
    vscode = json.dumps({"name": NAME, "type": "http", "url": url}, separators=(",", ":"))
    cursor = json.dumps({"mcpServers": {NAME: {"url": url}}})
    return {
        "Claude Code": f"claude mcp add --transport http {NAME} {url}",
        "Cursor": f"~/.cursor/mcp.json: {cursor}",
        "VS Code": f"code --add-mcp '{vscode}'",
        "Codex": f'~/.codex/config.toml: [mcp_servers.{NAME}] url = "{url}"',
        "Gemini CLI": f"gemini mcp add --transport http {NAME} {url}",
    }
