"""The paths of the MCP endpoint, and the identifier under which tokens are for it."""

ENDPOINT = "/api/v1"
ALIASES = ("/mcp", "/api/v1/mcp")  # some clients append /mcp, whatever URL they are given


def resource_of(front_url: str) -> str:
    """Return the identifier of the front's MCP endpoint, as RFC 8707 and RFC 9728 use it."""
    return front_url + ENDPOINT


def is_resource(front_url: str, asked: str) -> bool:
    """Return whether an identifier means the MCP endpoint of this front, under any of the paths that it serves."""
    return asked.rstrip("/") in {front_url, resource_of(front_url), *(front_url + path for path in ALIASES)}
