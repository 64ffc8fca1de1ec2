"""`paper`: the first start with a paper login: asks for the login, starts the profile, reports what it waits for."""

import argparse
import getpass
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from cli.client_setup import described
from cli.command_line import command
from cli.errors import Problem
from cli.local_stack.docker_engine import need_docker, users_are_remapped
from cli.local_stack.processes import INTERRUPTED
from cli.local_stack.readiness import LOOK_AGAIN_S, readiness
from cli.terminal import Screen

ROOT = Path(__file__).resolve().parent.parent.parent
LOGIN, PASSWORD = Path(".env.login"), Path("secrets/tws_password.txt")  # both ignored by git
OWN = (Path(".env.paper"), Path(".env.live"))  # as these: accounts, limits, and a webhook's address
GATEWAY_UID = 1000  # who runs the gateway in its container, and reads the password there
USER = re.compile(r"[A-Za-z0-9._@-]{3,64}")
COMPOSE = ("docker", "compose", "--profile", "paper")
WAIT_S = 900.0  # a first pull of the gateway's image is behind us by then; a second factor may need a walk to the phone
SECOND_FACTOR = (
    "Open IBKR Mobile and approve the login; a request is good for three minutes, then the next one comes. Nothing is "
    "restarted meanwhile."
)
OLD_NEWS_S = 60.0  # the worker, which tries again every half minute, may still tell what became of the login before
REJECTED = (
    "Run this with --again to enter user name and password again ({user}, {password}). After three rejected logins in "
    "a row the gateway waits, so that IBKR does not lock the account."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--again", action="store_true", help="ask for user name and password even if they are stored")
    parser.add_argument(
        "--wait", type=float, default=WAIT_S, metavar="SECONDS", help="how long to wait for the session (%(default)g)"
    )


def run(options: argparse.Namespace) -> int:
    """0 once the session is ready. The stack runs on in either case."""
    screen = Screen()
    try:
        need_docker()
        keep_login(ROOT, screen, again=options.again)
        screen.say("\nBuilding and starting the paper profile; the gateway's image takes a while the first time.")
        compose("build", "--quiet")
        screen.say(compose_output("run", "--rm", "--no-TTY", "clients-paper").rstrip())
        if options.again:  # one that runs has read the old password, and would go on trying it
            compose("rm", "--stop", "--force", "gateway-paper")
        compose("up", "--detach")
        await_session(screen, front_port(ROOT), options.wait)
    except Problem as problem:
        screen.problem(str(problem))
        return 1
    except PermissionError as error:
        screen.problem(f"{error.filename} belongs to another user ({error.strerror}): run this as the one who made it")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def compose(*arguments: str) -> None:
    """With its output on this terminal."""
    if subprocess.run([*COMPOSE, *arguments], cwd=ROOT, check=False).returncode:
        raise Problem(f"`{' '.join((*COMPOSE, *arguments))}` failed; its output is above")


def compose_output(*arguments: str, root: Path = ROOT) -> str:
    done = subprocess.run([*COMPOSE, *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"`{' '.join((*COMPOSE, *arguments))}` failed: {done.stderr.strip()}")
    return done.stdout


def front_port(root: Path) -> int:
    """Return the port that compose publishes for the front, from the environment and `.env`."""
    front = json.loads(compose_output("config", "--format", "json", root=root))["services"]["front-paper"]
    for each in front.get("ports", []):
        return int(each["published"])
    raise Problem("the front of the paper profile has no port on this machine: look at COMPOSE_FILE")


def keep_login(root: Path, screen: Screen, *, again: bool = False) -> None:
    """User name and password are in their files afterwards, which only their owner and the gateway can read."""
    user, password = user_in(root / LOGIN), root / PASSWORD
    if again or user is None:
        given = asked("User name of the paper account: ")
        if not USER.fullmatch(given):
            raise Problem("a user name has 3 to 64 letters, digits or . _ @ -; a paper account has one of its own")
        write(root / LOGIN, "".join([*other_lines(root / LOGIN), f"TWS_USERID={given}\n"]))
    if again or not password.exists() or not password.read_text(encoding="utf-8").strip():
        given = asked("Its password (not shown): ", hidden=True)
        if not given.strip():
            raise Problem("the password is empty")
        password.parent.mkdir(mode=0o700, exist_ok=True)
        write(password, given)
    protect(root / LOGIN)
    password.parent.chmod(0o700)
    protect(password, for_gateway=True, remapped=users_are_remapped())
    for each in OWN:
        if (root / each).exists():
            protect(root / each)
    screen.say(f"The login is in {LOGIN} and {PASSWORD}, which git ignores.")
    if "\\" in password.read_text(encoding="utf-8"):
        screen.say("Its backslash is an escape to the gateway's controller: if the login is rejected, double it.")


def asked(question: str, *, hidden: bool = False) -> str:
    if hidden and sys.stdin.isatty():
        return getpass.getpass(question)
    print(question, end="", flush=True)
    return sys.stdin.readline().rstrip("\r\n")


def user_in(path: Path) -> str | None:
    if not path.exists():
        return None
    return next(
        (line.partition("=")[2].strip() or None for line in lines(path) if line.startswith("TWS_USERID=")), None
    )


def other_lines(path: Path) -> list[str]:
    return [f"{line}\n" for line in lines(path) if not line.startswith("TWS_USERID=")] if path.exists() else []


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def write(path: Path, text: str) -> None:
    """Never readable by others, not even for a moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def protect(path: Path, *, for_gateway: bool = False, remapped: bool = False) -> None:
    """Restrict a file to its owner; the password's file also to the gateway's user in its container.

    If that user has another number on this machine, the file is readable by all, in a folder that only its owner can
    enter. `remapped`: the engine gives its containers' users numbers of its own, so none of this machine's fits.
    """
    if not for_gateway or (os.getuid() == GATEWAY_UID and not remapped):
        path.chmod(0o600)
    elif os.getuid() == 0 and not remapped:
        os.chown(path, GATEWAY_UID, GATEWAY_UID)
        path.chmod(0o400)
    else:
        path.chmod(0o644)


def await_session(screen: Screen, port: int, within_s: float, old_news_s: float = OLD_NEWS_S) -> None:
    """Tell each change of what is waited for, until the session is ready; a rejection ends it unless it may be old."""
    began, last = time.monotonic(), ""
    while time.monotonic() < began + within_s:
        ready, news = readiness(port)
        if ready:
            print_client_setup(screen, port)
            return
        if news != last:
            screen.say(f" · {news}")
            if "second factor" in news:
                screen.say(f"   → {SECOND_FACTOR}")
        if "rejected" in news and time.monotonic() > began + old_news_s:
            raise Problem(REJECTED.format(user=LOGIN, password=PASSWORD))
        last = news
        time.sleep(LOOK_AGAIN_S)
    raise Problem(
        f"not ready within {within_s:g} s: {last}\n"
        f"`{command('doctor', '--url', f'http://127.0.0.1:{port}/api/v1')}` checks each part."
    )


def print_client_setup(screen: Screen, port: int) -> None:
    screen.say("\n ✓ The session is ready. Add it to your MCP client, with the token as `Authorization: Bearer …`:")
    for line in described(f"http://127.0.0.1:{port}/api/v1"):
        screen.say(line)
    screen.say("\nmake paper-check   records what this gateway does and how it differs from the simulator")
    screen.say("docker compose --profile paper run --rm clients-paper add NAME   another client's token")
    screen.say("docker compose --profile paper down   stops it; the gateway logs out within 100 s")
