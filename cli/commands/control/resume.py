"""`resume`: releases the kill switch; the only way to do so, at a terminal and out of every model's reach."""

import argparse
import sys
from functools import partial

from bridge.bus.controls.kill_switch import clear_halt, read_halt
from bridge.bus.halt import Halt
from bridge.bus.identity.operators import passphrase_holders
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.operator.redis_target import add_bus_arguments, with_bus
from cli.operator.sign_in import Typed, signed_in, typed
from cli.operator.typed_confirmation import confirmed

CHANGED = "the kill switch has changed since you read it; run resume again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_bus_arguments(parser)


def run(options: argparse.Namespace) -> int:
    found: list[tuple[str, Halt, list[str]]] = []
    status = with_bus(options, partial(_show, found))
    if status:
        return status
    session, halt, operators = found[0]
    # Between two connections: while an event loop runs, Ctrl-C would wait for the answer.
    if not confirmed("resume", session):
        return 1
    options.session = session
    return with_bus(options, partial(_release, halt, typed(operators)))


async def _show(into: list[tuple[str, Halt, list[str]]], pipe: CommandPipeline, keys: Keys) -> int:
    halt = await read_halt(pipe, keys)
    if halt is None:
        sys.stderr.write(f"{keys.session}: the kill switch is not set, so nothing was released\n")
        return 1
    print(f"{keys.session}: {halt.told()}")
    into.append((keys.session, halt, await passphrase_holders(pipe, keys)))
    return 0


async def _release(read: Halt, given: Typed | None, pipe: CommandPipeline, keys: Keys) -> int:
    """Release the halt that was read; a later halt stays."""
    if await read_halt(pipe, keys) != read:
        sys.stderr.write(f"error: {CHANGED}\n")
        return 1
    try:
        who = await signed_in(pipe, keys, given)
        released = await clear_halt(pipe, keys, who.by, who.sign_in, read)
    except PermissionError as error:
        sys.stderr.write(f"error: {error}; nothing was released\n")
        return 1
    if not released:
        sys.stderr.write(f"error: {CHANGED}\n")
        return 1
    print(f"{keys.session}: released; it was {read.level}, set by {read.by}: {read.reason}")
    return 0
