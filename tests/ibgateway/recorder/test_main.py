"""The three commands, as a user types them."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ibgateway.recorder.__main__ import instant, main, parser, place
from ibgateway.recorder.recording_proxy import SocketAddress
from ibgateway.recorder.transcript.transcript import Line, as_json, header, read
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.raw_client import started
from tests.stacks.ibgateway.recorded_lines import asked, session, told

DEADLINE_S = 20.0
MANUAL = Path(__file__).parents[3] / "docs" / "simulator.md"


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[int]:
    """The port on which a command listens, by its log; it is ended as Ctrl-C ends it."""
    command = [sys.executable, "-m", "ibgateway.recorder", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while b" on 127.0.0.1:" not in (line := await process.stderr.readline()):
                assert line, "the command ended"
        yield int(line.partition(b" on 127.0.0.1:")[2].split()[0])
    finally:
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE_S):
            await process.stderr.read()
            assert await process.wait() == 0


def written(path: Path, lines: list[Line]) -> Path:
    path.write_text("".join(f"{line}\n" for line in [header("now"), *map(as_json, lines)]))
    return path


async def test_a_session_is_recorded_and_replayed(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    async with Simulator() as simulator:
        gateway = f"127.0.0.1:{simulator.port}"
        command = ["record", "--listen", "0", "--gateway", gateway, "--out", str(path)]
        async with running(*command) as port, started(port, 178) as client:
            client.send(81, 7, "ibm")
            found = await client.until("79")

    async with running("replay", str(path), "--port", "0") as port, started(port, 178) as client:
        client.send(81, 50, "ibm")
        again = await client.until("79")

    assert again[0][2:] == found[0][2:]
    assert again[0][1] == "50"


def test_a_comparison_prints_the_differences_and_says_so_by_its_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "session.jsonl", session(asked("49 1"), told("49 1 1749652200.0")))

    status = main(["compare", str(path)])

    assert status == 1
    row = capsys.readouterr().out.splitlines()[-1]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        *("reqCurrentTime", "currentTime", "class of time", "decimal", "integer", "1", "0.000 s"),
    ]


def test_a_comparison_of_two_transcripts_leaves_the_simulator_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = session(asked("49 1"), told("49 1 1749652200.0"))
    one, other = (written(tmp_path / name, lines) for name in ("one.jsonl", "other.jsonl"))

    assert main(["compare", str(one), str(other)]) == 0
    assert capsys.readouterr().out == "no difference\n"


def test_the_commands_of_the_manual_are_those_that_there_are() -> None:
    text = MANUAL.read_text(encoding="utf-8")
    shown = re.findall(r"^\.venv/bin/python -m ibgateway\.recorder (.+)$", text, re.MULTILINE)

    assert [parser().parse_args(line.split()).command for line in shown] == ["record", "replay", "compare"]


def test_a_file_that_is_no_transcript_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello\n")

    with pytest.raises(SystemExit, match="line 1"):
        main(["compare", str(path)])


def test_a_recording_does_not_overwrite_a_file(tmp_path: Path) -> None:
    path = written(tmp_path / "session.jsonl", session())

    with pytest.raises(SystemExit, match="File exists"):
        main(["record", "--listen", "0", "--out", str(path)])

    with path.open() as file:
        assert list(read(file)) == session()


def test_a_place_is_a_port_on_loopback_or_a_host_and_a_port() -> None:
    assert place("4003") == SocketAddress("127.0.0.1", 4003)
    assert place("gateway:4002") == SocketAddress("gateway", 4002)
    assert place("[::1]:4002") == SocketAddress("::1", 4002)


def test_a_start_needs_an_offset() -> None:
    assert instant("2025-06-11T10:30-04:00") == 1749652200.0
    with pytest.raises(Exception, match="offset"):
        instant("2025-06-11T10:30")
