"""Child processes: their log, their first death, and an end that none of them escapes."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from cli.local_stack import processes
from cli.local_stack.processes import Child, Children
from tests.waiting import until

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"


async def started(name: str, script: str, folder: Path) -> Child:
    """A child that a test made itself: `Children` starts modules alone."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-uc", script, stdout=output, stderr=output, start_new_session=True
        )
    return Child(name, process, log)


async def test_the_first_that_dies_is_named_with_its_status_and_the_end_of_its_log(tmp_path: Path) -> None:
    async with Children(tmp_path / "logs") as children, asyncio.timeout(30):
        await children.start("part", "no_such_module")
        dead = await children.first_death()

    assert str(dead.as_problem()).startswith("part ended with status 1; ")
    assert "No module named no_such_module" in dead.tail()


async def test_settings_reach_a_child_and_leaving_ends_it(tmp_path: Path) -> None:
    async with Children(tmp_path / "logs") as children, asyncio.timeout(30):
        child = await children.start("server", "http.server", "0", "--bind", "127.0.0.1", PYTHONOPTIMIZE="1")
        await until(lambda: "Serving" in child.log.read_text(), "the child serves")

    assert child.process.returncode == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.killpg(child.process.pid, 0)


async def test_a_child_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE_S", 0.1)
    child = await started("deaf", DEAF, tmp_path)
    await until(lambda: "deaf" in child.log.read_text(), "the child hears no signal")

    await processes.end(child)

    assert child.process.returncode == -signal.SIGKILL


async def test_a_child_that_wrote_nothing_says_so(tmp_path: Path) -> None:
    child = await started("quiet", "pass", tmp_path)
    await child.process.wait()

    assert child.tail() == "    (it wrote nothing)"
    processes.send(child, signal.SIGKILL)  # one that has ended is left alone
