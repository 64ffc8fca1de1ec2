"""`resume`: releases the kill switch; the only way to do so, and out of every model's reach."""

import argparse
import sys

from bridge.bus.halting import clear_halt, read_halt
from bridge.bus.keys import Keys
from bridge.bus.pipe import Pipe
from cli.operating import add_bus_arguments, caller, with_bus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_bus_arguments(parser)


def run(options: argparse.Namespace) -> int:
    async def act(pipe: Pipe, keys: Keys) -> int:
        halt = await read_halt(pipe, keys)
        if halt is None:
            sys.stderr.write(f"{keys.session}: the kill switch is not set, so nothing was released\n")
            return 1
        await clear_halt(pipe, keys, caller())
        print(f"{keys.session}: released; it was {halt.level}, set by {halt.by}: {halt.reason}")
        return 0

    return with_bus(options, act)
