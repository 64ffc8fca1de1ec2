"""The process that owns one TWS session: it knows TWS, and no MCP."""

from ib_worker import light_imports

__all__ = ["__version__", "light_imports"]
__version__ = "0.1.0"
