"""`approve`: a human's word for a live order that waits for it; shows what waits where no key is named."""

import argparse
import asyncio
import sys

from bridge.bus.approving import Approval, give_approval, waiting_approvals
from bridge.bus.keys import Keys
from bridge.bus.pipe import Pipe
from cli.operating import add_bus_arguments, caller, with_bus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", nargs="?", help="the order's key; without it what waits is listed")
    parser.add_argument("--yes", action="store_true", help="do not ask again")
    add_bus_arguments(parser)


def run(options: argparse.Namespace) -> int:
    async def act(pipe: Pipe, keys: Keys) -> int:
        waiting = await waiting_approvals(pipe, keys)
        if options.key is None:
            for each in waiting:
                print(f"{each.key}  {each.summary}  (asked by {each.caller})")
            print(f"{keys.session}: {len(waiting)} orders wait for approval")
            return 0
        found = next((each for each in waiting if each.key == options.key), None)
        if found is None:
            told = f"nothing waits under {options.key}; it may be too old, or approved already"
            sys.stderr.write(f"{keys.session}: {told}\n")
            return 1
        return await _approve(pipe, keys, found, options.yes)

    return with_bus(options, act)


async def _approve(pipe: Pipe, keys: Keys, found: Approval, sure: bool) -> int:
    print(f"{keys.session}: {found.summary}\nasked by {found.caller}")
    if not sure and await asyncio.to_thread(_answer) != "yes":
        print("not approved")
        return 1
    if not await give_approval(pipe, keys, found.key, found.digest, caller()):
        sys.stderr.write("error: it is no longer what you read; look again\n")
        return 1
    print("approved; the client may now call again with the same key")
    return 0


def _answer() -> str:
    try:
        return input("Approve this order? Type yes: ").strip()
    except EOFError:  # a container without a terminal
        return ""
