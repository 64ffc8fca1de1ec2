"""The fence's own process: it hangs up once the lease may have lapsed, and lets go of what the worker closes."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

import pytest

from bridge.bus.transport.clock import boottime
from ib_worker.tws.fencing_process import LET_GO, NEWS, fence

WAIT_S = 20.0


@dataclass
class Fenced:
    """A fence at work, the worker's end of its socket pair, and the two ends of a connection."""

    worker: socket.socket
    ours: socket.socket
    gateway: socket.socket
    at_work: Thread

    def tell(self, moment: float, *watched: socket.socket) -> None:
        socket.send_fds(self.worker, [NEWS.pack(moment)], [each.fileno() for each in watched])

    def hangs_up(self, within_s: float) -> bool:
        self.gateway.settimeout(within_s)
        try:
            return self.gateway.recv(1) == b""
        except TimeoutError:
            return False


@pytest.fixture
def fenced() -> Iterator[Fenced]:
    worker, process = socket.socketpair()
    ours, gateway = socket.socketpair()
    at_work = Thread(target=fence, args=(process,), daemon=True)
    at_work.start()
    with worker, process, ours, gateway:
        yield Fenced(worker, ours, gateway, at_work)
        with suppress(BrokenPipeError):
            worker.send(NEWS.pack(LET_GO))  # or the thread ends with the connection open
        worker.shutdown(socket.SHUT_RDWR)
        at_work.join(WAIT_S)


def test_a_lease_that_lapses_ends_the_connection(fenced: Fenced) -> None:
    began = time.monotonic()
    fenced.tell(boottime() + 0.3, fenced.ours)

    assert fenced.hangs_up(WAIT_S)
    assert time.monotonic() - began >= 0.3


def test_a_renewal_keeps_the_connection(fenced: Fenced) -> None:
    fenced.tell(boottime() + 0.3, fenced.ours)
    fenced.tell(boottime() + 3600)

    assert not fenced.hangs_up(0.6)


def test_an_older_moment_takes_nothing_back(fenced: Fenced) -> None:
    fenced.tell(boottime() + 3600, fenced.ours)
    fenced.tell(boottime())

    assert not fenced.hangs_up(0.3)


def test_what_the_worker_lets_go_is_closed_when_the_worker_closes_it(fenced: Fenced) -> None:
    fenced.tell(boottime() + 3600, fenced.ours)
    fenced.tell(LET_GO)
    fenced.ours.close()

    assert fenced.hangs_up(WAIT_S)


def test_the_fence_ends_with_its_worker(fenced: Fenced) -> None:
    fenced.worker.shutdown(socket.SHUT_WR)

    fenced.at_work.join(WAIT_S)
    assert not fenced.at_work.is_alive()
