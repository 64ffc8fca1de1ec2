"""Alerts as the tools report them, and the sentences about what an alert waits for."""

from datetime import UTC, datetime

import msgspec

from bridge.bus.events.event import Cursor
from bridge.bus.events.watches import Mark, Watch
from bridge.conditions import sealed_event_cursor
from bridge.text.contract_name import contract_name
from bridge.tools.events import AlertReport, WaitCondition
from ib_worker.alerts.figures import FIGURES
from ib_worker.alerts.price_lines import ASK_AGAIN_MS
from ib_worker.session.session import Session
from ib_worker.watches.levels import decide
from ib_worker.watches.table import conditions


def alert_report(watch: Watch, session: Session, message: str = "") -> AlertReport:
    """Return an alert as its owner gets it. A firing about an account that its owner has lost stays out."""
    told = watch.told
    shown = told is not None and session.services.watches.may_see(watch.principal, told.account)
    return AlertReport(
        alertId=watch.id,
        events=watch.conditions,
        repeat=watch.mode == "repeat",
        expires_at=None if watch.until_ms is None or watch.mode == "fired" else _time(watch.until_ms, session),
        targets=watch.targets,
        note=watch.note or None,
        created_at=_time(watch.created_ms, session),
        fired=watch.fired,
        fired_at=watch.fired_at.replace("+00:00", "Z") or None,
        message=message,
        state="fired" if watch.mode == "fired" else "active",
        happened={"symbol": told.symbol or None} | told.details if told is not None and shown else None,
        cursor=sealed_event_cursor(Cursor.parse(watch.cursor), watch.principal) if watch.cursor else "",
    )


def creation_message(watch: Watch, session: Session) -> str:
    """Return the levels with the prices now, and the way to hear of an alert that has no target."""
    told = _levels(watch, session)
    if not watch.targets:
        told.append(f"Nobody is sent this: it has no target. Call ibkr_wait_for, event alert, alertId {watch.id}.")
    return " ".join(filter(None, told))


def active_message(watch: Watch, session: Session) -> str:
    """Return the levels with the prices now, and why no price comes."""
    return " ".join(filter(None, (*_levels(watch, session), unpriced(watch, session))))


def unpriced(watch: Watch, session: Session) -> str:
    """Return why an alert gets no prices now, empty where it gets them."""
    reasons = session.services.watches.unpriced
    priced = {each.conId or 0: each.symbol for each in conditions(watch) if each.event == "price"}
    again = f"It is requested again every {ASK_AGAIN_MS // 1000} s."
    told = (
        f"No price of {symbol or conId} comes: {reasons[conId]} {again}"
        for conId, symbol in priced.items()
        if conId in reasons
    )
    return " ".join(told)


def _levels(watch: Watch, session: Session) -> list[str]:
    return [
        _figure_level(number, each, watch, session) if each.event in FIGURES else _level(number, each, watch, session)
        for number, each in enumerate(conditions(watch))
    ]


def _figure_level(number: int, condition: WaitCondition, watch: Watch, session: Session) -> str:
    """Return when a profit or an account's value fires, with the figure as last read; nothing of an account that the
    watch's owner has lost."""
    account = condition.account or ""
    if not session.services.watches.may_see(watch.principal, account):
        return ""
    value = session.services.watches.figures.get((watch.id, number))
    name = condition.symbol or (f"conId {condition.conId}" if condition.conId else "")
    what = f"{condition.tag or condition.event} of {f'{name} in {account}' if name else account}"
    now = "no value yet" if value is None else f"{value:.10g} now"
    fires, mark = " or ".join(level_sides(condition, None)), watch.marks[number]
    return f"{what} ({now}): fires {fires}.{'' if value is None else standing(condition, mark, value)}"


def _level(number: int, condition: WaitCondition, watch: Watch, session: Session) -> str:
    """Return when a price fires: SPY: fires at or below 290.9: 1 % under 293.8."""
    if condition.event != "price" or not condition.conId:
        return ""
    line = session.quotes.known(condition.conId or 0)
    price = line.values.level if line is not None else None
    name = contract_name(condition if line is None else line.contract)
    now = "no price yet" if price is None else f"{price:.10g} now"
    mark = watch.marks[number]
    fires = " or ".join(level_sides(condition, mark.base))
    return f"{name} ({now}): fires {fires}.{'' if price is None else standing(condition, mark, price)}"


def standing(condition: WaitCondition, mark: Mark, price: float) -> str:
    """Return what comes of a level that the price is beyond already, empty for one that it has still to reach."""
    if not decide(condition, msgspec.structs.replace(mark, armed=True), price)[0]:
        return ""
    if mark.armed:
        at = ", at this price or the next" if condition.event == "price" else ""
        return f" That is true already: it fires at once{at}."
    what = "price" if condition.event == "price" else "value"
    return f" That is true now, and it has fired on it: it fires again after the {what} was back in between."


def level_sides(condition: WaitCondition, base: float | None) -> list[str]:
    """Return each side that fires, with the price that a change is measured from."""
    levels = {"above": condition.above, "below": condition.below}
    told = [f"{side} {level:.10g}" for side, level in levels.items() if level is not None]
    change = condition.changePercent
    if change is None:
        return told
    size = f"{abs(change):.10g} %"
    if base is None:
        return [*told, f"{size} {'under' if change < 0 else 'from'} the first price that comes"]
    step = abs(base * change) / 100
    told.append(f"at or below {base - step:.6g}: {size} under {base:.10g}")
    return told if change < 0 else [*told, f"at or above {base + step:.6g}: {size} over {base:.10g}"]


def _time(ms: int, session: Session) -> str:
    """Return a time as answers have it, to the nearest second."""
    at = datetime.fromtimestamp(ms / 1000, UTC) + session.clock.ahead
    return datetime.fromtimestamp(round(at.timestamp()), UTC).isoformat().replace("+00:00", "Z")
