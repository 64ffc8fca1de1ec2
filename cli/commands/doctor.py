"""`doctor`: checks a running stack from the front to the gateway; names each fault and its fix."""

import argparse
import asyncio
import os

from cli.diagnostics.checks import examine
from cli.diagnostics.finding import Place
from cli.front_access import front_address
from cli.local_stack.state_folder import STATE, front_of
from cli.operator.redis_target import add_redis_argument
from cli.terminal import Screen

USUAL = "http://127.0.0.1:8000/api/v1"
MARKS = {"ok": "✓", "note": "·", "fault": "✗"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--url",
        type=front_address,
        default=front_of(STATE) or USUAL,
        help="the front (%(default)s); its token comes by FRONT_TOKEN",
    )
    add("--gateway", metavar="HOST:PORT", help="the gateway as this machine reaches it (the session's own)")
    add("--project", default="ibkr-tws-mcp", help="the compose project whose containers are checked (%(default)s)")
    add_redis_argument(parser)


def run(options: argparse.Namespace) -> int:
    """0 where nothing is wrong, else 1."""
    screen = Screen()
    place = Place(options.url, os.environ.get("FRONT_TOKEN"), options.gateway, options.redis, options.project)
    findings = asyncio.run(examine(place))
    for each in findings:
        screen.say(f" {MARKS[each.kind]} {each.part:<12} {each.told}")
        if each.cure:
            screen.say(f"   {'':<12} → {each.cure}")
    faults = sum(each.kind == "fault" for each in findings)
    screen.say(f"\n{faults or 'no'} fault{'' if faults == 1 else 's'} found")
    return 1 if faults else 0
