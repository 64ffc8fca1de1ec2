"""Pages from their templates: every value is escaped, and nothing is loaded from elsewhere."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def rendered(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return the page. `template`: its file's name without the ending."""
    return HTMLResponse(_ENVIRONMENT.get_template(f"{template}.html").render(**values), status)
