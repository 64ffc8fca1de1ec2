"""`approve`: approves a live order that waits for a person, at a terminal, or refuses it; without a key it lists those
that wait."""

import argparse
import sys
from functools import partial

from bridge.bus.controls.approvals import Approval, give_approval, refuse_approval, waiting_approvals
from bridge.bus.identity.operators import passphrase_holders
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tools.orders import clean_reason
from cli.operator.redis_target import add_bus_arguments, caller, with_bus
from cli.operator.sign_in import Typed, signed_in, typed
from cli.operator.typed_confirmation import confirmed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", nargs="?", help="the order's key; left out: list the orders that wait")
    parser.add_argument("--refuse", metavar="REASON", help="refuse the order; the client sees the reason")
    add_bus_arguments(parser)


def run(options: argparse.Namespace) -> int:
    if options.key is None:
        if options.refuse is not None:
            sys.stderr.write("error: --refuse needs the key of the order; without it, approve lists those that wait\n")
            return 1
        return with_bus(options, _list)
    found: list[tuple[Approval, list[str]]] = []
    status = with_bus(options, partial(_show, options.key, found))
    if status:
        return status
    if options.refuse is not None:  # asks nothing, as `halt` does: a refusal sends no order
        return with_bus(options, partial(_refuse, found[0][0], clean_reason(options.refuse)))
    order, operators = found[0]
    # Between two connections: while an event loop runs, Ctrl-C would wait for the answer.
    if not confirmed("approve", order.key):
        return 1
    return with_bus(options, partial(_approve, order, typed(operators)))


async def _list(pipe: CommandPipeline, keys: Keys) -> int:
    waiting = await waiting_approvals(pipe, keys)
    for each in waiting:
        print(f"{each.key}  {each.summary}  (asked by {each.caller})")
    print(f"{keys.session}: {len(waiting)} orders wait for approval")
    return 0


async def _show(key: str, into: list[tuple[Approval, list[str]]], pipe: CommandPipeline, keys: Keys) -> int:
    found = next((each for each in await waiting_approvals(pipe, keys) if each.key == key), None)
    if found is None:
        told = f"no order waits under {key}; it may have expired, or is approved or refused already"
        sys.stderr.write(f"{keys.session}: {told}\n")
        return 1
    print(f"{keys.session}: {found.summary}\nasked by {found.caller}")
    into.append((found, await passphrase_holders(pipe, keys)))
    return 0


async def _approve(found: Approval, given: Typed | None, pipe: CommandPipeline, keys: Keys) -> int:
    """Approve the order that was read: its digest proves that it is the same."""
    try:
        who = await signed_in(pipe, keys, given)
        approved = await give_approval(pipe, keys, found.key, found.digest, who.by, who.sign_in)
    except PermissionError as error:
        sys.stderr.write(f"error: {error}; nothing was approved\n")
        return 1
    if not approved:
        sys.stderr.write("error: the order has changed since you read it; run approve again\n")
        return 1
    print("approved; the client can now retry with the same key")
    return 0


async def _refuse(found: Approval, reason: str, pipe: CommandPipeline, keys: Keys) -> int:
    """Refuse the order that was read: its digest proves that it is the same."""
    if not await refuse_approval(pipe, keys, found.key, found.digest, caller(), reason):
        sys.stderr.write("error: the order has changed since you read it; run approve again\n")
        return 1
    print(f"refused: {reason}")
    return 0
