"""`halt`: sets the kill switch, so that no new order is sent from the moment it returns."""

import argparse

from bridge.bus.controls.kill_switch import set_halt
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tools.orders import clean_reason
from cli.operator.redis_target import add_bus_arguments, caller, with_bus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reason", nargs="*", help="the reason, which clients see")
    parser.add_argument("--reduce-only", action="store_true", help="still accept orders that only reduce a position")
    add_bus_arguments(parser)


def run(options: argparse.Namespace) -> int:
    async def act(pipe: CommandPipeline, keys: Keys) -> int:
        reason = clean_reason(" ".join(options.reason))
        halt = await set_halt(pipe, keys, "reduce_only" if options.reduce_only else "halt", caller(), reason)
        print(f"{keys.session}: {halt.level}, set by {halt.by}: {halt.reason}")
        print(
            "Open orders stay open: cancel them by ibkr_cancel_all_orders or in TWS. Only the operator can release the "
            "switch, at a terminal (docs/operations.md)."
        )
        return 0

    return with_bus(options, act)
