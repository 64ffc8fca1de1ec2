"""An item of the tape in words with colours, and as JSON. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from bridge.bus.client.call_trace import TracedCall
from bridge.bus.events.event import ReadEvent, SessionEvent
from bridge.redaction import mask_accounts
from bridge.text.plain_text import one_line
from bridge.tools.account import PnL
from cli.tape.items import Missed, TapeItem

Part = tuple[str, str]  # a text, and its style as rich names it

LONGEST = 400  # characters of one of its texts
GOOD, BAD, LOUD, PLAIN, FAINT = "green", "red", "bold red", "", "dim"
KIND_STYLES = {"call": "cyan", "fill": "bold green", "order": "blue", "PnL": "magenta"}
GOOD_OUTCOMES = {"ok", "asked"}
SHORT = {"execution": "fill", "commission": "cost", "data_loss": "DATA LOSS"}
GOOD_STATES = {"ready", "approved"}
ABOUT_VALUES = ("price", "dailyPnL", "unrealizedPnL", "value", "due", "trading", "note")


def parts_of(item: TapeItem) -> list[Part]:
    """Return the item's line without its time: its kind, then its words."""
    kind, *words = _words(item)
    shown = [(mask_accounts(one_line(text, LONGEST)), style) for text, style in words if text]
    return [(f"{kind[0]:<10}", KIND_STYLES.get(kind[0], kind[1])), *_spaced(shown)]


def plain_line(item: TapeItem, seen: datetime) -> str:
    """Return the line without colours. `seen`: when it was read, for what has no time of its own."""
    at = time_of(item, seen).astimezone()
    return f"{at:%H:%M:%S}  {''.join(text for text, _ in parts_of(item))}".rstrip()


def time_of(item: TapeItem, seen: datetime) -> datetime:
    """Return when it happened by the clock of this stack: of an event when it was written, since the session's own
    clock may be a simulator's."""
    if isinstance(item, TracedCall):
        return datetime.fromtimestamp(item.at_ms / 1000, UTC)
    if isinstance(item, ReadEvent):
        return datetime.fromtimestamp(int(item.cursor.id.partition("-")[0]) / 1000, UTC)
    return seen


def json_line(item: TapeItem, seen: datetime) -> str:
    """Return one JSON object: `at`, `kind`, and the fields of its kind. Accounts are masked."""
    at = time_of(item, seen).isoformat(timespec="milliseconds")
    return mask_accounts(msgspec.json.encode({"at": at, **_fields(item)}).decode())


def _fields(item: TapeItem) -> dict[str, Any]:
    if isinstance(item, TracedCall):
        return {"kind": "call", **msgspec.to_builtins(item)}
    if isinstance(item, ReadEvent):
        return {"cursor": str(item.cursor), **msgspec.to_builtins(item.event)}
    if isinstance(item, PnL):
        return {"kind": "pnl", **item.model_dump()}
    if isinstance(item, Missed):
        return {"kind": "missed", "what": item.what, "count": item.count}
    return {"kind": "notice", "text": item.text, "good": item.good}


def _words(item: TapeItem) -> Iterator[Part]:
    """Yield the kind with its style, then the words."""
    if isinstance(item, TracedCall):
        yield from _call(item)
    elif isinstance(item, ReadEvent):
        yield from _event(item.event)
    elif isinstance(item, PnL):
        yield from _pnl(item)
    elif isinstance(item, Missed):
        yield "missed", BAD
        yield f"{'some' if item.count is None else f'{item.count:,}'} {item.what} before this are not shown", BAD
    else:
        yield "watch", FAINT
        yield item.text, GOOD if item.good else BAD


def _call(call: TracedCall) -> Iterator[Part]:
    yield "call", PLAIN
    yield call.tool, "cyan"
    yield call.about, PLAIN
    yield call.client or call.caller, FAINT
    yield call.outcome, GOOD if call.outcome in GOOD_OUTCOMES else BAD
    yield f"{call.ms:,.0f} ms", FAINT


def _event(event: SessionEvent) -> Iterator[Part]:
    yield SHORT.get(event.kind, event.kind), _style(event)
    yield from _KINDS[event.kind](event)


def _style(event: SessionEvent) -> str:
    if event.kind in ("halt", "data_loss"):
        return LOUD
    return BAD if event.details.get("rejected") else "yellow"


def _order(event: SessionEvent) -> Iterator[Part]:
    told = event.details
    prices = [number(told[name]) for name in ("lmtPrice", "auxPrice") if told.get(name) is not None]
    yield _terms(told, "totalQuantity", event), PLAIN
    yield " ".join([str(told.get("orderType") or ""), *prices]).strip(), PLAIN
    if told.get("rejected"):
        yield f"rejected: {told.get('message') or told.get('status')}", BAD
        return
    yield _state(told), GOOD if told.get("status") == "Filled" else "blue"
    if told.get("filled"):
        yield (
            f"{number(told['filled'])} of {number(told.get('totalQuantity'))} at {number(told.get('avgFillPrice'))}",
            FAINT,
        )
    yield str(told.get("message") or ""), "yellow"


def _state(told: dict[str, Any]) -> str:
    """Return the order's state. `unknown` is one that TWS has not told yet."""
    if told.get("not_found"):
        return "not at IBKR"
    return "sent" if told.get("status") == "unknown" else str(told.get("status") or "")


def _execution(event: SessionEvent) -> Iterator[Part]:
    told = event.details
    yield f"{_terms(told, 'shares', event)} at {number(told.get('price'))}", "bold"
    if told.get("corrected"):
        yield "a correction", "yellow"


def _commission(event: SessionEvent) -> Iterator[Part]:
    told = event.details
    yield f"{event.symbol}  commission {number(told.get('commission'))} {told.get('currency') or ''}".rstrip(), PLAIN
    gain = told.get("realizedPNL")
    if isinstance(gain, (int, float)):
        yield f"realized {signed(gain)}", colour(gain)


def _session(event: SessionEvent) -> Iterator[Part]:
    state = str(event.details.get("state"))
    yield state, GOOD if state in GOOD_STATES else BAD
    yield " ".join(str(event.details[name]) for name in ("cause", "remedy") if event.details.get(name)), PLAIN


def _switch(event: SessionEvent) -> Iterator[Part]:
    word = "trading is halted" if event.kind == "halt" else "trading goes on"
    yield f"{word}, by {event.details.get('by')}", LOUD if event.kind == "halt" else GOOD
    yield str(event.details.get("reason") or ""), PLAIN


def _approval(event: SessionEvent) -> Iterator[Part]:
    told = event.details
    state = str(told.get("state"))
    yield "waits for a person" if state == "asked" else state, GOOD if state in GOOD_STATES else "yellow"
    yield str(told.get("summary") or ""), PLAIN
    yield f"by {told['by']}" if told.get("by") else "", FAINT
    yield str(told.get("reason") or ""), PLAIN
    yield event.key, FAINT


def _alert(event: SessionEvent) -> Iterator[Part]:
    told = event.details
    yield " of ".join(filter(None, (str(told.get("event") or ""), event.symbol))), "yellow"
    yield " ".join(f"{name} {number(told[name])}" for name in ABOUT_VALUES if told.get(name) is not None), PLAIN


def _data_loss(event: SessionEvent) -> Iterator[Part]:
    yield f"Redis has lost data: the audit log was cut at entry {event.details.get('cut_at')}", LOUD


_KINDS = {
    "order": _order,
    "execution": _execution,
    "commission": _commission,
    "session": _session,
    "halt": _switch,
    "resume": _switch,
    "approval": _approval,
    "alert": _alert,
    "data_loss": _data_loss,
}


def _pnl(told: PnL) -> Iterator[Part]:
    yield "PnL", PLAIN
    yield from pnl_parts(told)


def pnl_parts(told: PnL) -> Iterator[Part]:
    """Yield an account's profits, each in its colour."""
    yield told.account, FAINT
    for name, value in (("day", told.dailyPnL), ("unrealized", told.unrealizedPnL), ("realized", told.realizedPnL)):
        if value is not None:
            yield f"{name} {signed(value)}", colour(value)
    yield told.currency or "", FAINT


def _terms(told: dict[str, Any], quantity: str, event: SessionEvent) -> str:
    return " ".join(filter(None, (str(told.get("action") or ""), number(told.get(quantity)), event.symbol)))


def _spaced(parts: list[Part]) -> list[Part]:
    return [(text if place == 0 else f"  {text}", style) for place, (text, style) in enumerate(parts)]


def number(value: Any) -> str:
    """Return a number as people write it, empty for None."""
    if value is None:
        return ""
    return f"{value:,.10g}" if isinstance(value, (int, float)) else str(value)


def signed(value: float) -> str:
    """Return an amount with its sign."""
    return f"{value:+,.2f}"


def colour(value: float) -> str:
    """Return the style of a gain or a loss."""
    return GOOD if value > 0 else BAD if value < 0 else PLAIN
