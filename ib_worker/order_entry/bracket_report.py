"""Reports on a bracket: its entry and two exits, of which IBKR may have all, some or none. Pure."""

from collections.abc import Mapping, Sequence

from bridge.order_references import EXITS, order_ref
from bridge.tool import ToolError
from bridge.tools.order_report import LinkedReport
from bridge.tools.orders import Bracket
from ib_worker.order_entry.outcome_texts import not_found, placement_report, why_lists_may_miss_it
from ib_worker.orders.report import order_report
from ib_worker.orders.tracker import TrackedOrder, is_open
from ib_worker.tws.values.text import quoted

LASTS = {"DAY": "until its trading day ends (DAY)", "GTC": "until it is cancelled (GTC)"}


def bracket_report(entries: Sequence[TrackedOrder | None], key: str) -> Bracket:
    """Return the report; an entry of `entries` is None if this worker does not know that order. A failed exit is
    reported in its own report and in the message. Raises ToolError if the entry was rejected, if IBKR has none of the
    three orders, or not_confirmed if the order lists lack the entry or an unknown exit, or may have missed all."""
    there = [each for each in entries if each is not None and not each.state.not_found]
    entry, takeProfit, stopLoss = entries
    if entry is not None and entry.state.rejected is not None:
        placement_report(entry)
    if not there:
        doubts = [why_lists_may_miss_it(each.state) for each in entries if each is not None]
        raise not_found(next(filter(None, doubts), ""), orderRef=order_ref(key))
    if entry is None or takeProfit is None or stopLoss is None or entry not in there:
        names = [name for name, each in zip(("entry", *EXITS), entries, strict=True) if each not in there]
        raise ToolError(
            "not_confirmed",
            f"Two complete order lists from IBKR do not contain {' and '.join(names)} of the bracket's three orders; "
            "they contain the others. Do not place the bracket again: the others would be doubled. Call ibkr_get_order "
            "for each orderRef.",
            orderRefs=[each.state.orderRef for each in there],
        )
    if stopLoss.state.rejected is not None and not _lives(entry):
        raise stop_refused(stopLoss, key)
    exits = dict(zip(EXITS, (takeProfit, stopLoss), strict=True))
    refusals = {name: each.state.rejected for name, each in exits.items() if each.state.rejected is not None}
    missing = [name for name, each in exits.items() if each.state.not_found]
    failed = [f"IBKR rejected {name} (error {why.code}: {quoted(why.text)})" for name, why in refusals.items()]
    failed += [f"IBKR does not have {' and '.join(missing)}"] if missing else []
    text = f"{', and '.join(failed)}: the entry stands without it." if failed else "All three orders are at IBKR."
    text += f" {_lifetimes(entry, [each for each in (takeProfit, stopLoss) if is_open(each)])}"
    return Bracket(
        idempotencyKey=key,
        entry=placement_report(entry),
        takeProfit=_exit(takeProfit),
        stopLoss=_exit(stopLoss),
        message=text,
    )


def exits_report(entries: Sequence[TrackedOrder | None], key: str) -> Bracket:
    """Return the report on a position's stop and target, in this order. Raises ToolError if IBKR rejected both or has
    neither, or not_confirmed if the order lists lack one."""
    stopLoss, takeProfit = entries
    exits = dict(zip(EXITS, (takeProfit, stopLoss), strict=True))
    there = {name: each for name, each in exits.items() if each is not None and not each.state.not_found}
    if not there:
        doubts = [why_lists_may_miss_it(each.state) for each in exits.values() if each is not None]
        raise not_found(next(filter(None, doubts), ""), orderRef=order_ref(key, EXITS[-1]))
    if takeProfit is None or stopLoss is None or len(there) < len(exits):
        raise ToolError(
            "not_confirmed",
            f"Two complete order lists from IBKR do not contain {next(each for each in exits if each not in there)} of "
            f"the two exits; they contain {' and '.join(there)}. Check ibkr_get_order for its orderRef before "
            "you place exits again: they could close more than the position.",
            orderRefs=[each.state.orderRef for each in there.values()],
        )
    refusals = {name: each.state.rejected for name, each in there.items() if each.state.rejected is not None}
    if len(refusals) == len(exits):
        placement_report(stopLoss)
    left = [each for each in there.values() if is_open(each)]
    text = _exits_stand(there)
    lasts = sorted({each.state.terms.tif or "DAY" for each in left})
    text += "".join(f" Each exit is good {LASTS.get(tif, tif)}." for tif in lasts)
    return Bracket(idempotencyKey=key, takeProfit=_exit(takeProfit), stopLoss=_exit(stopLoss), message=text)


def _exits_stand(exits: Mapping[str, TrackedOrder]) -> str:
    """Return, in words, what became of two exits, of which IBKR has rejected at most one."""
    told, open_ = [], 0
    for name, each in exits.items():
        why = each.state.rejected
        if why is not None:
            told.append(f"IBKR rejected {name} (error {why.code}: {quoted(why.text)})")
        elif not is_open(each):
            told.append(f"{name} is {each.state.status}")
        else:
            open_ += 1
    if open_ == len(exits):
        return "Both exits are at IBKR; one cancels the other."
    rest = "the other exit stands alone" if open_ else "no exit of this call is open"
    return f"{' and '.join(told)}: {rest}."


def _exit(entry: TrackedOrder) -> LinkedReport:
    return LinkedReport(**dict(order_report(entry)))


def _lifetimes(entry: TrackedOrder, exits: Sequence[TrackedOrder]) -> str:
    """Return the `tif` of each open order of a bracket, in words."""
    tif = entry.state.terms.tif or "DAY"
    told = [] if entry.state.done else [f"The entry is good {LASTS.get(tif, tif)}."]
    for lasts in sorted({each.state.terms.tif or "DAY" for each in exits}):
        told.append(f"Each exit is good {LASTS.get(lasts, lasts)}.")
    return " ".join(told)


def _lives(entry: TrackedOrder) -> bool:
    """Return whether the order has filled or may still fill."""
    state = entry.state
    staged = not state.acknowledged and (state.cancel_asked or state.cancel_refused is not None)
    return state.filled > 0 or not (state.done or staged)


def stop_refused(stop: TrackedOrder, key: str) -> ToolError:
    """Return the rejection of the bracket, with the words in which TWS rejected its stop."""
    refused = stop.state.rejected
    assert refused is not None
    return ToolError(
        "rejected",
        f"IBKR rejected the stop of the bracket (error {refused.code}): {quoted(refused.text)} The entry and the "
        "target were cancelled with it: nothing of the bracket is live. To retry, use a new idempotencyKey.",
        twsCode=refused.code,
        leg=EXITS[-1],
        orderId=stop.state.orderId,
        orderRef=stop.state.orderRef,
        idempotencyKey=key,
    )
