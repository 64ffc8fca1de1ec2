"""`paper` keeps the login where only its owner and the gateway read it, and waits for the session with the reasons."""

import io
import json
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from cli.__main__ import main
from cli.commands import paper
from cli.commands.paper import LOGIN, PASSWORD, await_session, keep_login
from cli.errors import Problem
from cli.terminal import Screen

ROOT = Path(__file__).resolve().parents[3]


def told(folder: Path, monkeypatch: pytest.MonkeyPatch, *answers: str, again: bool = False) -> str:
    """What is printed while these answers are typed."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{each}\n" for each in answers)))
    printed = io.StringIO()
    keep_login(folder, Screen(Console(file=printed, width=120)), again=again)
    return printed.getvalue()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_login_is_asked_for_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(tmp_path, monkeypatch, "paperuser1", "pass word#$")

    assert (tmp_path / LOGIN).read_text() == "TWS_USERID=paperuser1\n"
    assert (tmp_path / PASSWORD).read_text() == "pass word#$"


def test_nobody_else_on_the_machine_can_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(tmp_path, monkeypatch, "paperuser1", "secret")

    assert mode(tmp_path / LOGIN) == 0o600
    assert mode((tmp_path / PASSWORD).parent) == 0o700
    expected = {0: (0o400, 1000), 1000: (0o600, 1000)}.get(os.getuid(), (0o644, os.getuid()))
    assert (mode(tmp_path / PASSWORD), (tmp_path / PASSWORD).stat().st_uid) == expected


def test_what_is_there_is_not_asked_for_but_closed_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / LOGIN).write_text("# mine\nTWS_USERID=kept\nJAVA_HEAP_SIZE=2048\n")
    (tmp_path / LOGIN).chmod(0o644)
    (tmp_path / PASSWORD).parent.mkdir(mode=0o755)
    (tmp_path / PASSWORD).write_text("kept too")
    (tmp_path / ".env.paper").write_text("ALERT_WEBHOOK=https://example.com/whoever-has-this-may-post\n")
    (tmp_path / ".env.paper").chmod(0o644)

    told(tmp_path, monkeypatch)

    assert "TWS_USERID=kept" in (tmp_path / LOGIN).read_text()
    assert (tmp_path / PASSWORD).read_text() == "kept too"
    assert mode(tmp_path / LOGIN) == 0o600
    assert mode(tmp_path / ".env.paper") == 0o600
    assert mode((tmp_path / PASSWORD).parent) == 0o700


def test_asked_again_only_the_user_name_changes_among_the_gateways_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / LOGIN).write_text("TWS_USERID=old\nJAVA_HEAP_SIZE=2048\n")

    told(tmp_path, monkeypatch, "newuser", "new", again=True)

    assert (tmp_path / LOGIN).read_text() == "JAVA_HEAP_SIZE=2048\nTWS_USERID=newuser\n"
    assert (tmp_path / PASSWORD).read_text() == "new"


@pytest.mark.parametrize(
    "answers", [("", ""), ("two words", "x"), ("a'b", "x"), ("paperuser1", ""), ("paperuser1", " ")]
)
def test_what_can_be_no_login_is_refused_and_not_kept(
    answers: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Problem):
        told(tmp_path, monkeypatch, *answers)

    assert not (tmp_path / PASSWORD).exists()


def test_a_backslash_is_told_since_the_controller_takes_it_for_an_escape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "backslash" in told(tmp_path, monkeypatch, "paperuser1", "a\\b")


def test_git_ignores_what_is_kept_there_and_tracks_no_webhook() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()

    assert {".env.paper", ".env.live"} <= set(ignored)
    assert "ALERT_WEBHOOK" not in (ROOT / ".env").read_text()

    assert str(LOGIN) in ignored
    assert f"{PASSWORD.parent}/" in ignored


@contextmanager
def front(*causes: str) -> Iterator[int]:
    """The port of a /readyz that tells each cause once, then that it is ready, or stays at the last one's."""
    left = list(causes)

    class Readiness(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            cause = left.pop(0) if left else ""
            body = json.dumps({"state": "x", "cause": cause}).encode()
            self.send_response(503 if cause else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Readiness)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def waited(port: int, within_s: float = 20, old_news_s: float = 0) -> str:
    printed = io.StringIO()
    await_session(Screen(Console(file=printed, width=120)), port, within_s, old_news_s)
    return printed.getvalue()


def test_each_news_is_told_once_and_the_second_factor_explained() -> None:
    waits = "The gateway at gateway:4004 waits for the second factor of its login."
    with front("starting", waits, waits, waits) as port:
        printed = waited(port)

    assert printed.count("starting") == 1
    assert printed.count("IBKR Mobile") == 1
    assert f"http://127.0.0.1:{port}/api/v1" in printed


def test_a_rejected_login_ends_the_wait_with_what_to_correct() -> None:
    with (
        front("Interactive Brokers rejected the login of the gateway") as port,
        pytest.raises(Problem, match="--again"),
    ):
        waited(port)


def test_the_rejection_of_an_earlier_login_does_not_end_the_wait_for_this_one() -> None:
    old = "Interactive Brokers rejected the login of the gateway"
    with front(old, old, "starting") as port:
        printed = waited(port, old_news_s=20)

    assert printed.count("rejected") == 1
    assert "The session is ready" in printed


def test_a_wait_has_an_end_and_names_the_doctor() -> None:
    with front(*["still logging in"] * 100) as port, pytest.raises(Problem, match="doctor"):
        waited(port, within_s=0.5)


@pytest.mark.trial("E10")
@pytest.mark.parametrize("option", ["name=rootless", "name=userns", "name=seccomp,profile=builtin"])
def test_a_remapped_gateway_user_can_read_the_password(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\necho '[\"{option}\"]'\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    told(tmp_path, monkeypatch, "paperuser1", "secret")

    anybody = mode(tmp_path / PASSWORD) == 0o644 and (tmp_path / PASSWORD).stat().st_uid == os.getuid()
    assert anybody == (not option.startswith("name=seccomp") or os.getuid() not in (0, 1000))
    assert mode((tmp_path / PASSWORD).parent) == 0o700


@contextmanager
def another_user() -> Iterator[None]:
    """Root may read everything."""
    if os.getuid() == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(os.getuid())


def test_a_login_that_another_user_made_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with tempfile.TemporaryDirectory() as made:  # pytest's own belongs to its user alone
        folder = Path(made)
        folder.chmod(0o755)
        (folder / LOGIN).touch(mode=0)
        docker = folder / "docker"
        docker.write_text("#!/bin/sh\necho 28.2.2\n")
        docker.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        monkeypatch.setattr(paper, "ROOT", folder)

        with another_user():
            status = main(["paper"])

    assert status == 1
    assert f"{LOGIN} belongs to another user" in "".join(capsys.readouterr())
