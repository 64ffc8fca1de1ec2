"""
`pytest -p tests.forked --processes 7`, which `make test` runs: processes that are forked when all tests are imported.

With xdist each process imports every test for itself, which takes a fifth of a run's processor time. Here a process
gets the tests of one file after another, and sends its reports to the first process, which runs no test.
"""

import gc
import itertools
import os
import signal
import traceback
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait

import pytest
from _pytest.config import create_terminal_writer

# A test file's end unfreezes the heap, and a look through all of it, with every test's module, then takes 0.3 s of
# processor time. Python's own limit is 10.
OLDER_RUNS = 50


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--processes", type=int, default=0, help="run the test files in so many forked processes")


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run the collected tests; None leaves them to pytest itself."""
    if session.config.option.collectonly or session.testsfailed or session.config.option.processes < 1:
        return None
    files = deque([*group] for _, group in itertools.groupby(session.items, key=lambda item: item.path))
    Processes(session, files).run(session.config.option.processes)
    return True


@dataclass
class Forked:
    """A process as the first one sees it: the test that runs, and those of its files that have not run yet."""

    pid: int
    pipe: Connection
    left: deque[pytest.Item]


class Processes:
    """The processes, and the files that none of them has begun."""

    def __init__(self, session: pytest.Session, files: deque[list[pytest.Item]]) -> None:
        self._session = session
        self._config = session.config
        self._files = files
        self._numbers = {item.nodeid: number for number, item in enumerate(session.items)}
        self._base = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        self._running: dict[Connection, Forked] = {}
        self._names = itertools.count()

    def run(self, count: int) -> None:
        """Run every file, and report as pytest does. Raises what ends pytest's own loop early."""
        gc.freeze()  # nothing of the tests is garbage: pytest looks through all of it ten times at its end
        gc.set_threshold(700, 10, OLDER_RUNS)
        try:
            for _ in range(min(count, len(self._files))):
                self._fork()
            while self._running:
                for pipe in wait([*self._running]):
                    self._hear(self._running[pipe])  # type: ignore[index]
        finally:
            for each in self._running.values():
                os.kill(each.pid, signal.SIGKILL)
                os.waitpid(each.pid, 0)

    def _fork(self) -> None:
        """Start a process with the next file."""
        ours, theirs = Pipe()
        first, name = self._files.popleft(), next(self._names)
        pid = os.fork()
        if pid == 0:
            for pipe in (ours, *self._running):
                pipe.close()
            self._become_child(theirs, name, first)
        theirs.close()
        self._running[ours] = Forked(pid, ours, deque(first))

    def _hear(self, process: Forked) -> None:
        try:
            message = process.pipe.recv()
        except EOFError:
            return self._ended(process)
        if message is None:
            following = self._files.popleft() if self._files else []
            process.left.extend(following)
            process.pipe.send([self._numbers[item.nodeid] for item in following])
            return None
        report = self._config.hook.pytest_report_from_serializable(config=self._config, data=message)
        self._report(process, report)
        return None

    def _report(self, process: Forked, report: pytest.TestReport) -> None:
        self._config.hook.pytest_runtest_logreport(report=report)
        if report.when == "teardown":
            process.left.popleft()
            self._config.hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)
        if self._session.shouldfail:
            raise self._session.Failed(self._session.shouldfail)
        if self._session.shouldstop:
            raise self._session.Interrupted(self._session.shouldstop)

    def _ended(self, process: Forked) -> None:
        """Count the test that a process died in as failed, and run its other tests in a new one."""
        del self._running[process.pipe]
        _, status = os.waitpid(process.pid, 0)
        if not process.left:
            return
        item = process.left[0]
        text = f"the process that ran it ended with status {os.waitstatus_to_exitcode(status)}"
        for when in ("call", "teardown"):
            outcome = "failed" if when == "call" else "passed"
            report = pytest.TestReport(item.nodeid, item.location, {}, outcome, text, when)  # type: ignore[arg-type]
            self._report(process, report)
        if process.left:
            self._files.appendleft([*process.left])
        if self._files:
            self._fork()

    def _become_child(self, pipe: Connection, name: int, first: list[pytest.Item]) -> None:
        """Run tests until there are none, and end. Never returns."""
        status = 1
        try:
            self._make_own(name)
            self._config.pluginmanager.register(_Sender(self._config, pipe))
            for item, following in _pairs(self._items(pipe, first)):
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            status = 0
        except BaseException:  # noqa: BLE001  # whatever it is, it is told, and this process ends
            traceback.print_exc()
        finally:
            os._exit(status)  # what the first process has registered to run at its end is not this one's

    def _make_own(self, name: int) -> None:
        """Give this process what two must not share: captured output and temporary folders."""
        plugins = self._config.pluginmanager
        if (capture := plugins.getplugin("capturemanager")) is not None:
            capture.stop_global_capturing()
            capture.start_global_capturing()
            capture.suspend_global_capture()
        if (reporter := plugins.getplugin("terminalreporter")) is not None:
            reporter._tw = create_terminal_writer(self._config, open(os.devnull, "w"))  # noqa: SIM115  # to its end
        own = self._base / f"process{name}"
        own.mkdir()
        self._config._tmp_path_factory._basetemp = own  # type: ignore[attr-defined]

    def _items(self, pipe: Connection, first: list[pytest.Item]) -> Iterator[pytest.Item]:
        """Yield the tests of one file after another, each of which is asked for when the one before is used up."""
        items = first
        while items:
            yield from items
            pipe.send(None)
            items = [self._session.items[number] for number in pipe.recv()]


class _Sender:
    """A plugin of a forked process, which sends each report to the first one."""

    def __init__(self, config: pytest.Config, pipe: Connection) -> None:
        self._config, self._pipe = config, pipe

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._pipe.send(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))


def _pairs(items: Iterator[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    """Yield each test with the one after it, which tells pytest what it may tear down in between."""
    item = next(items)
    for following in items:
        yield item, following
        item = following
    yield item, None
