"""Pages from their templates: every value is escaped, and nothing is loaded from elsewhere."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from console.live.candles import started
from console.live.event_lines import entry_text, entry_tone, event_text, event_tone, news, number
from console.live.live_state import LiveState

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
UNKNOWN = "–"  # a figure that nobody has told


def money(value: float | None) -> str:
    """Return an amount with two digits after the point."""
    return UNKNOWN if value is None else f"{value:,.2f}".replace("-", "−")


def signed(value: float | None) -> str:
    """Return a profit or loss with its sign."""
    return UNKNOWN if value is None else f"{value:+,.2f}".replace("-", "−")


def price(value: float | None, most: int = 6) -> str:
    """Return a price with two digits after the point, or as many as it has, at most `most`."""
    if value is None:
        return UNKNOWN
    whole, _, digits = f"{value:,.{most}f}".partition(".")
    return f"{whole}.{digits.rstrip('0').ljust(2, '0')}".replace("-", "−")


def tone(value: float | None) -> str:
    """Return the class of a profit or loss."""
    return "flat" if not value else "up" if value > 0 else "down"


def clock(at: datetime | str | None) -> str:
    """Return a time of day, in UTC."""
    read = _time(at)
    return f"{read:%H:%M:%S}" if read else UNKNOWN


def moment(at: datetime | str | None) -> str:
    """Return a date and a time of day, in UTC."""
    read = _time(at)
    return f"{read:%Y-%m-%d %H:%M:%S}" if read else UNKNOWN


def moment_ms(at_ms: int) -> str:
    return moment(datetime.fromtimestamp(at_ms / 1000, UTC))


def ago(seconds: float | None) -> str:
    """Return a time span in its largest unit."""
    if seconds is None:
        return UNKNOWN
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _time(at: datetime | str | None) -> datetime | None:
    try:
        read = datetime.fromisoformat(at) if isinstance(at, str) and at else at
    except ValueError:
        return None
    if not isinstance(read, datetime):
        return None
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.filters |= {
    "ago": ago,
    "clock": clock,
    "entry_text": entry_text,
    "entry_tone": entry_tone,
    "event_text": event_text,
    "event_tone": event_tone,
    "moment": moment,
    "moment_ms": moment_ms,
    "money": money,
    "news": news,
    "number": number,
    "price": price,
    "signed": signed,
    "started": started,
    "tone": tone,
}


def rendered(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return the page. `template`: its file's name without the ending."""
    return HTMLResponse(_ENVIRONMENT.get_template(f"{template}.html").render(**values), status)


def drawn(part: str, live_state: LiveState) -> str:
    """Return the HTML of one part of the live pages. `part`: a file's name below `parts`, without the ending."""
    return _ENVIRONMENT.get_template(f"parts/{part}.html").render(p=live_state)
