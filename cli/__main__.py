"""`python -m cli`: the commands for the person who runs the stack."""

import argparse
import asyncio
import os
import sys

from cli import reference, tokens, up
from cli.screen import Screen
from cli.tour import TourFailed, take_tour


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m cli", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("up", help="run the whole stack on this machine, with the tour")
    up.add_arguments(command)
    command.set_defaults(run=up.run)

    command = commands.add_parser("tour", help="take the tour through a front that runs")
    command.add_argument("--url", default="http://127.0.0.1:8000/api/v1")
    command.set_defaults(run=tour)

    command = commands.add_parser("client", help="who may use a front that wants tokens")
    tokens.add_arguments(command)
    command.set_defaults(run=tokens.run)

    command = commands.add_parser("reference", help="write API.md's tables, or the schema snapshots")
    command.add_argument("--schemas", action="store_true")
    command.set_defaults(run=write_reference)

    options = parser.parse_args()
    status: int = options.run(options)
    return status


def tour(options: argparse.Namespace) -> int:
    """The token, where the front wants one, comes by the environment: arguments show in the list of processes."""
    screen = Screen()
    try:
        asyncio.run(take_tour(options.url, screen, os.environ.get("FRONT_TOKEN")))
    except TourFailed as failure:
        screen.problem(str(failure))
        return 1
    except KeyboardInterrupt:
        return up.INTERRUPTED
    return 0


def write_reference(options: argparse.Namespace) -> int:
    reference.write_schemas() if options.schemas else reference.write_api()
    return 0


if __name__ == "__main__":
    sys.exit(main())
