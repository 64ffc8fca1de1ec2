"""`python -m ibgateway.recorder record | replay | compare`: sessions of TWS as files."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ibgateway.recorder.compare import compare, table
from ibgateway.recorder.connection_log import again
from ibgateway.recorder.recording_proxy import RecordingProxy, SocketAddress
from ibgateway.recorder.replay.recorded_connection import scripts
from ibgateway.recorder.replay.server import ReplayServer
from ibgateway.recorder.simulator_run import SimulatorSetup, drive, recorded_start
from ibgateway.recorder.transcript import transcript
from ibgateway.recorder.transcript.scrub import Scrubber
from ibgateway.recorder.transcript.transcript import BadTranscript, Line

START = 1749652200.0  # the simulator's own: Wednesday 2025-06-11 10:30:00 US/Eastern, in an open session
DIFFERENT = 1  # the exit status of a comparison that found something

log = logging.getLogger("ibgateway.recorder")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m ibgateway.recorder", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    add = commands.add_parser("record", help="forward clients' sessions to a gateway and record them").add_argument
    add("--listen", type=place, default=SocketAddress("127.0.0.1", 4003), help="[HOST:]PORT for clients (4003)")
    add(
        "--gateway",
        type=place,
        default=SocketAddress("127.0.0.1", 4002),
        help="[HOST:]PORT of the gateway (127.0.0.1:4002)",
    )
    add("--out", type=Path, required=True, help="the file to write; it must not exist")
    add("--mask", action="append", default=[], metavar="WORD", help="mask this everywhere too; may be repeated")
    replay = commands.add_parser("replay", help="answer clients from a transcript")
    replay.add_argument("transcript", type=Path)
    add = replay.add_argument
    add("--listen", type=place, help="[HOST:]PORT for clients (127.0.0.1:4002)")
    add("--port", type=int, default=4002, help="the port alone (%(default)s)")
    add("--speed", type=positive, help="keep the recorded pauses, this many times faster (no pauses)")
    against = commands.add_parser("compare", help="show where the simulator's replies differ from a transcript")
    against.add_argument("transcript", type=Path)
    add = against.add_argument
    add("other", type=Path, nargs="?", help="another transcript of the same requests, in place of the simulator")
    add("--simulator", action="store_true", help="compare with the simulator (default)")
    add("--seed", type=int, default=1, help="the simulator's seed (%(default)s)")
    add("--start", type=instant, help="the simulator's clock at the beginning, ISO 8601 (the recorded gateway's)")
    add("--data", type=Path, help="the simulator's folder of daily history")
    return top


def place(text: str) -> SocketAddress:
    host, _, port = text.rpartition(":")
    return SocketAddress(host.strip("[]") or "127.0.0.1", int(port))


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 100_000:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 100000")
    return value


def instant(text: str) -> float:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} has no offset from UTC; write it as 2025-06-11T10:30-04:00")
    return at.timestamp()


async def record(given: argparse.Namespace) -> None:
    scrubber = Scrubber(secrets.token_bytes(32), given.mask)
    with given.out.open("x", encoding="utf-8") as out:
        out.write(transcript.header(datetime.now(UTC).isoformat(timespec="seconds")) + "\n")
        async with RecordingProxy(given.listen, given.gateway, out, scrubber) as recorder:
            log.info("recording on %s:%d into %s", given.listen.host, recorder.port, given.out)
            await stopped()
    scrub_again(given.out, scrubber)


def scrub_again(path: Path, scrubber: Scrubber) -> None:
    """Mask earlier lines again with the names that were found later."""
    rewritten = path.with_name(path.name + ".tmp")
    with path.open(encoding="utf-8") as file, rewritten.open("w", encoding="utf-8") as out:
        out.write(file.readline())
        file.seek(0)
        out.writelines(transcript.as_json(again(line, scrubber)) + "\n" for line in transcript.read(file))
    rewritten.replace(path)


async def replay(given: argparse.Namespace) -> None:
    where = given.listen or SocketAddress("127.0.0.1", given.port)
    found = scripts(lines_of(given.transcript))
    async with ReplayServer(found, host=where.host, port=where.port, speed=given.speed) as player:
        log.info("replaying %d connections on %s:%d", len(found), where.host, player.port)
        await stopped()


def compared(given: argparse.Namespace) -> int:
    """Return 0 if there is no difference."""
    recorded = lines_of(given.transcript)
    other = lines_of(given.other) if given.other else simulated(recorded, given)
    found = compare(recorded, other)
    sys.stdout.write(table(found, "other" if given.other else "simulator") + "\n" if found else "no difference\n")
    return DIFFERENT if found else 0


def simulated(recorded: list[Line], given: argparse.Namespace) -> list[Line]:
    """The simulator's answers to the same requests, at the hour at which they were recorded."""
    start = given.start or recorded_start(recorded)
    if start is None:
        log.warning(
            "the time zone of the gateway's clock is unknown here; pass the start of the recording with --start"
        )
    return drive(recorded, SimulatorSetup(start or START, given.seed, given.data))


def lines_of(path: Path) -> list[Line]:
    with path.open(encoding="utf-8") as file:
        return list(transcript.read(file))


async def stopped() -> None:
    """Wait for SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    given = parser().parse_args(arguments)
    try:
        if given.command == "compare":
            return compared(given)
        asyncio.run(record(given) if given.command == "record" else replay(given))
    except (OSError, BadTranscript) as error:
        raise SystemExit(f"{given.command}: {error}") from None
    return 0


if __name__ == "__main__":
    sys.exit(main())
