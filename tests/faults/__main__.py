"""`python -m tests.faults WAY`: breaks the stack on purpose, prints what was told and what held; --help has them."""

import argparse
import sys

from tests.faults import playing_cells, playing_events, playing_runs, playing_standby


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    ways = parser.add_subparsers(required=True)
    for way in (playing_runs, playing_cells, playing_standby, playing_events):
        way.add_to(ways)
    options = parser.parse_args()
    status: int = options.play(options)
    return status


if __name__ == "__main__":
    sys.exit(main())
