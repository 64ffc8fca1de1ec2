"""`watch`: the tape of a running session, until Ctrl-C."""

import argparse
import os
import sys
from functools import partial

from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.operator.redis_target import add_bus_arguments, with_bus
from cli.tape.printing import follow, printer

ENDED = 0  # Ctrl-C is the way to end it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    add_bus_arguments(parser)


def run(options: argparse.Namespace) -> int:
    try:
        return with_bus(options, partial(_watch, options.json))
    except KeyboardInterrupt:
        return ENDED
    except BrokenPipeError:  # whoever read it has ended, as `watch | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains as it ends
        return ENDED


async def _watch(as_json: bool, pipe: CommandPipeline, keys: Keys) -> int:
    with printer(as_json=as_json) as prints:
        await follow(pipe.url, keys.session, prints)
    return ENDED
