"""The rooms of `console`, and which of its other rooms each may import."""

ROOMS: dict[str, set[str]] = {
    "__init__.py": set(),
    "settings.py": set(),
    "metrics.py": set(),
    "web": set(),
    "live": set(),
    "pages": {"live", "web"},
    "oauth": {"pages", "web"},
    "app.py": {"live", "oauth", "pages", "settings.py", "web"},
    "__main__.py": {"app.py", "live", "metrics.py", "pages", "settings.py", "web"},
}
