"""One real Redis for the whole run, and a session name of its own for each test."""

import gc
import os
import shutil
import signal
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from hypothesis import settings
from structlog.testing import capture_logs
from structlog.typing import EventDict

from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from tests.layout import SLOW
from tests.stacks.timing import SHARED

# The same examples on every run: a red test can be looked at again. Longer random searches have commands of their own.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

TESTS = Path(__file__).resolve().parent
MEMORY, ROOM_BYTES = Path("/dev/shm"), 2 * 2**30  # a container's own has 64 MB, too little for the logs of a run

# A shell's background ignores Ctrl-C, and programs that are started there inherit that: some tests send them one.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_numbers = count(1)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while the tests are imported: searching the growing heap takes a fifth of that time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow files first: forked processes, and xdist with `--no-loadscope-reorder`, begin them in this order."""
    places = {TESTS / file: place for place, file in enumerate(SLOW)}
    items.sort(key=lambda item: places.get(item.path, len(SLOW)))


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """The default rendering of an exception shows every frame's variables, and holds the event loop up meanwhile."""
    structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])


@pytest.fixture(scope="module", autouse=True)
def collectable() -> Iterator[None]:
    """A worker freezes what it knows, and a test's worker ends: gigabytes of ended workers would stay."""
    yield
    gc.unfreeze()


@pytest.fixture
def untuned() -> Iterator[None]:
    """The collector as it was, afterwards."""
    kept = gc.get_threshold()
    yield
    gc.set_threshold(*kept)
    gc.unfreeze()


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    """The events that are logged during the test, with their fields; an exception is text."""
    with capture_logs(processors=[structlog.processors.format_exc_info]) as captured:
        yield captured


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a running server; tests keep apart by their session names, so nothing is flushed."""
    with _folder_of_redis(tmp_path_factory) as folder:
        async with EmbeddedRedis(folder) as redis:
            yield redis.url


@contextmanager
def _folder_of_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory where there is room: a busy disk holds every write up until it is synced, for seconds at worst."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
        folder = MEMORY / f"{SHARED}-{os.getpid()}"
        for old in MEMORY.glob(f"{SHARED}-*"):  # of runs that were killed
            if old == folder or not Path("/proc", old.name.rpartition("-")[2]).exists():
                shutil.rmtree(old, ignore_errors=True)
        yield folder
        shutil.rmtree(folder)
    else:
        yield tmp_path_factory.mktemp(SHARED)


@pytest.fixture
def session() -> str:
    """A session name that no other test has."""
    return f"test{next(_numbers)}"


@pytest_asyncio.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    """A server that the test may kill, freeze and start again."""
    async with EmbeddedRedis(tmp_path / "redis") as redis:
        yield redis


@pytest.fixture
def unused_port() -> int:
    """A port on loopback that nothing listens on."""
    return free_port()
