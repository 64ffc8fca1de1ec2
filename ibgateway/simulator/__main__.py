"""`python -m ibgateway.simulator`: a TWS on this machine, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ibgateway.simulator.model.config import START, SimulatorConfig

PORT = 7497  # TWS's own for paper trading
LAST_SESSION = -1.0  # no time that the calendars cover
BEFORE_ANY = 1_750_000_000  # June 2025; with so many a second, 31 bits of ids last until 2033
PERM_IDS_A_SECOND = 8


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ibgateway.simulator", description=__doc__)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=int, action="append", help=f"port to listen on, may be repeated; 0 is any free port ({PORT})")
    add("--seed", type=int, default=1, help="seed of the market: equal seeds give equal markets (%(default)s)")
    add(
        "--start",
        type=instant,
        default=START,
        help="the clock's start, ISO 8601 (2025-06-11T10:30 US/Eastern), or last-session",
    )
    add("--time-factor", type=positive, default=1.0, help="simulated seconds in one second (%(default)s)")
    add("--accounts", type=names, default=("DU1234567",), help="account numbers, comma separated (DU1234567)")
    add("--base-currency", choices=("USD", "EUR", "GBP"), default="USD", help="of the accounts (%(default)s)")
    add("--data", type=Path, help="folder of your own daily history, one CSV file for each symbol")
    add("--first-perm-id", type=int, default=unused_perm_id(), help="the first permanent order id (from the clock)")
    add("--journal", type=Path, help="append every frame to this file, as a line of JSON")
    add("--faults", type=Path, help="fault script, see docs/faults.md")
    add("--strict", action="store_true", help="reject a frame that lacks fields, and close its connection")
    add(
        "--price-levels",
        choices=("recorded", "2025"),
        default="recorded",
        help="the level that prices start from (%(default)s)",
    )
    add("--control-port", type=int, help="control port, for the journal and fault scripts (off)")
    return parser


def parse(arguments: Sequence[str] | None = None) -> SimulatorConfig:
    given = parser().parse_args(arguments)
    return SimulatorConfig(
        host=given.host,
        ports=tuple(given.port or [PORT]),
        seed=given.seed,
        start=given.start,
        time_factor=given.time_factor,
        accounts=given.accounts,
        base_currency=given.base_currency,
        data=given.data,
        first_perm_id=given.first_perm_id,
        journal=given.journal,
        faults=given.faults.read_text("utf-8") if given.faults else "",
        control_port=given.control_port,
        strict=given.strict,
        price_levels=given.price_levels,
    )


def unused_perm_id() -> int:
    """Return a permId that no earlier run gave out: clients know orders by it, and IBKR never gives one twice."""
    return int((time.time() - BEFORE_ANY) * PERM_IDS_A_SECOND)


def instant(text: str) -> float:
    """Read an instant; without a zone it is New York's time. `last-session` is resolved once the ports listen."""
    if text == "last-session":
        return LAST_SESSION
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo("US/Eastern"))).timestamp()


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 100_000:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 100000")
    return value


def names(text: str) -> tuple[str, ...]:
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    if not found:
        raise argparse.ArgumentTypeError("no account given; pass one or more, comma separated")
    return found


def main() -> None:
    config = parse()
    try:
        bound = [socket.create_server((config.host, port)) for port in config.ports]
    except OSError as error:
        raise SystemExit(f"cannot listen on {config.host} {config.ports}: {error}") from None
    # Imported only now: numpy and the market's tables take half a second, and clients need not wait for them.
    from ibgateway.simulator.server.server import run  # noqa: PLC0415
    from ibgateway.simulator.world.time.calendar import last_open_session  # noqa: PLC0415

    if config.start == LAST_SESSION:
        config = replace(config, start=last_open_session(time.time()))
    run(config, bound)


if __name__ == "__main__":
    main()
