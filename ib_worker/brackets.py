"""What is told of a bracket: an entry and its two exits, which IBKR may have whole, in part, or not at all."""

import asyncio
from collections.abc import Sequence

from bridge.bus.answering import Asked
from bridge.orders import Bracket
from bridge.tool import ToolError
from ib_worker.composing import EXITS, LEGS
from ib_worker.ledger import Entry, report
from ib_worker.outcome import doubt_of, followed, not_found, require_settled, told
from ib_worker.references import order_ref
from ib_worker.session import Session


def bracket_entries(session: Session, key: str) -> list[Entry] | None:
    """A bracket's three orders, None unless IBKR knows all of them."""
    found = [session.ledger.by_ref(order_ref(key, leg)) for leg in LEGS]
    whole = [each for each in found if each is not None]
    return whole if len(whole) == len(found) else None


async def bracket_followed(session: Session, entries: list[Entry], asked: Asked) -> Bracket:
    for each in entries:
        each.key = asked.key
    await asyncio.gather(*(followed(session, each, asked) for each in entries))
    for each in entries:
        require_settled(each)
    return bracket_told(entries, asked.key or "")


def bracket_told(entries: Sequence[Entry | None], key: str) -> Bracket:
    """None: in two full looks IBKR did not name it. Raises ToolError if the entry was rejected, if IBKR has none of the
    three, or not_confirmed if it lacks one that nothing more can be told of, or if the looks may have missed all; an
    exit that failed is told in its own report and in the message."""
    there = [each for each in entries if each is not None and not each.state.not_found]
    entry, takeProfit, stopLoss = entries
    if not there:
        doubts = [doubt_of(each.state) for each in entries if each is not None]
        raise not_found(next(filter(None, doubts), ""), orderRef=order_ref(key))
    if entry is None or takeProfit is None or stopLoss is None or entry not in there:
        names = [name for name, each in zip(("entry", *EXITS), entries, strict=True) if each not in there]
        raise ToolError(
            "not_confirmed",
            f"Of the bracket's three orders IBKR did not name {' and '.join(names)} in two full looks; it has the "
            "others. Do not place the bracket again: what is there would be doubled. Look at ibkr_get_order for each "
            "orderRef.",
            orderRefs=[each.state.orderRef for each in there],
        )
    exits = dict(zip(EXITS, (takeProfit, stopLoss), strict=True))
    rejected = [name for name, each in exits.items() if each.state.rejected is not None]
    missing = [name for name, each in exits.items() if each.state.not_found]
    failed = [f"IBKR rejected {' and '.join(rejected)}"] if rejected else []
    failed += [f"IBKR does not have {' and '.join(missing)}"] if missing else []
    text = f"{', and '.join(failed)}: the entry stands without it." if failed else "All three orders are at IBKR."
    return Bracket(
        idempotencyKey=key, entry=told(entry), takeProfit=report(takeProfit), stopLoss=report(stopLoss), message=text
    )
