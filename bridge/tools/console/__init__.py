"""The declarations that the console alone asks; no model sees them."""
