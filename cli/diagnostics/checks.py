"""What can be wrong with a stack, part by part: each look gives findings, a fault with its cure."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bridge.bus.keys import Keys
from bridge.bus.leadership.sessions import known_sessions
from bridge.bus.transport.connection import BusError, Refused, refusing
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import WRITABLE
from cli.command_line import command
from cli.front_access import ODD_TOKEN, TOKEN
from cli.local_stack.processes import Problem
from cli.mcp_client import Answer, Tools
from cli.operator.redis_target import masked, usual_places

USUAL_PORTS = (4001, 4002, 4003, 4004, 7496, 7497)  # of IB Gateway, of its images' forwarders, of TWS
OLDEST_VERSION = 157  # what ib_async still speaks; TWS 10.19, the oldest that is supported, is far above
SKEW_S = 5.0  # more than this between two machines confuses logs and day limits
OTHER_TIME_S = 86_400.0  # no login succeeds with such a clock, so it is a simulator's own
ANSWER_S = 5.0
COMPETING_SESSION = 10197
WATCHED_S = 2
OK, UNAUTHORIZED = 200, 401
LONGEST = 100_000  # of an answer that is read
LONGEST_REASON = 200  # of what another program at that port said
PROBE_S = 30.0  # for a Python process on a busy machine

Kind = Literal["ok", "note", "fault"]

ADD_CLIENT = "docker compose --profile paper run --rm clients-paper"
START_FRONT = "Start the stack: `make demo`, `docker compose up` or `make paper`; --url names another front."
RELEASE = f"`{command('resume')}` releases it; in containers `docker compose run --rm operator resume`."
SET_CLOCK = "Set the machine's clock, and keep it by NTP (`timedatectl set-ntp true`)."
SHARE_DATA = (
    "In IBKR's Client Portal, under Settings, Paper Trading Account, share the real-time market data of the live user "
    "with the paper user; it takes effect the next day. An account without subscriptions gets delayed prices."
)


@dataclass(frozen=True)
class Place:
    """The stack that is looked at."""

    url: str
    token: str | None
    gateway: str | None
    redis: str | None  # None: nobody named one
    project: str


@dataclass(frozen=True)
class Finding:
    part: str
    kind: Kind
    told: str
    cure: str = ""


async def examine(place: Place) -> list[Finding]:
    """Everything that can be seen from here; a part that cannot be looked at is a note that says why."""
    found = [*await containers(place.project), *await asyncio.to_thread(front, place.url)]
    if any(each.part == "front" and each.kind == "fault" for each in found):
        return [*found, *await redis(place, {})]
    status, told = await session(place)
    found += told
    bus_down = status.get("state") == "bus_down"
    found += await redis(place, status, needed=bus_down)
    found += await gateway(place, status)
    return found


async def containers(project: str) -> list[Finding]:
    """Those of the compose project that should run and do not; nothing where Docker has none."""
    docker = shutil.which("docker")
    if docker is None:
        return []
    label = f"label=com.docker.compose.project={project}"
    code, said = await _output(docker, "ps", "--all", "--filter", label, "--format", "{{json .}}")
    if code or not said.strip():
        return []
    listed = [json.loads(line) for line in said.splitlines()]
    found = [
        Finding(
            each["Names"],
            "fault",
            f"{each['State']}: {each['Status']}",
            f"Its log says why: docker logs {each['Names']}",
        )
        for each in listed
        if _ails(each)
    ]
    return found or [Finding("containers", "ok", f"{len(listed)} of project {project}, none has failed")]


def _ails(container: dict[str, str]) -> bool:
    """Not one that has done its work, nor a gateway that waits for its second factor, which is not healthy yet."""
    if container["State"] == "running":
        return "(unhealthy)" in container["Status"] and "gateway" not in container["Names"]
    return not container["Status"].startswith("Exited (0)")


async def _output(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(PROBE_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return 1, ""
    return process.returncode or 0, said.decode()


def front(url: str) -> list[Finding]:
    """Whether it answers, and how far its clock is from this machine's."""
    where = urlsplit(url).netloc
    try:
        status, headers, _ = _asked(url, "GET", "/healthz")
    except (OSError, HTTPException) as error:
        return [Finding("front", "fault", f"Nobody answers at {where}: {str(error)[:LONGEST_REASON]}", START_FRONT)]
    if status != OK:
        cure = "Look at what listens there, or name the front with --url."
        return [Finding("front", "fault", f"{where}/healthz says {status}: it is no front.", cure)]
    at = headers["Date"]
    ahead = parsedate_to_datetime(at).timestamp() - time.time() if at else 0.0
    return [Finding("front", "ok", f"answers at {where}"), *_clock("the front's machine", ahead)]


def _clock(whose: str, ahead_s: float) -> Iterator[Finding]:
    if abs(ahead_s) > OTHER_TIME_S:
        apart = f"{abs(ahead_s) / 86_400:.1f} days {'ahead' if ahead_s > 0 else 'behind'}"
        yield Finding("clock", "note", f"The clock of {whose} is {apart}: a simulator has a time of its own.")
    elif abs(ahead_s) > SKEW_S:
        yield Finding("clock", "fault", f"The clock of {whose} is {ahead_s:+.0f} s from this machine's.", SET_CLOCK)


async def session(place: Place) -> tuple[dict[str, Any], list[Finding]]:
    """What the front says of the session, and what its tools do when it is ready."""
    if place.token and not TOKEN.fullmatch(place.token):
        status = await asyncio.to_thread(_readiness, place.url)
        return status, [Finding("token", "fault", ODD_TOKEN, "Copy it again.")]
    try:
        admitted = await asyncio.to_thread(_lets_in, place)
    except (OSError, HTTPException) as error:
        told = f"The front takes a question and does not answer it: {error or type(error).__name__}"
        return {}, [Finding("session", "fault", told, "Look at its log; if it hangs, start it again.")]
    if not admitted:
        told = "was given none" if place.token is None else "does not know this one"
        cure = f"Set FRONT_TOKEN; `{ADD_CLIENT} add NAME` makes a token."
        status = await asyncio.to_thread(_readiness, place.url)
        return status, [Finding("token", "fault", f"The front wants a token and {told}.", cure), *_standing(status)]
    try:
        async with Tools(place.url, place.token) as tools:
            answer = await tools.call("get_status")
            if answer.code:
                status = await asyncio.to_thread(_readiness, place.url)
                return status, [_unread(answer), *_standing(status)]
            status = answer.value
            found = [*_standing(status), *_warnings(status, datetime.now(UTC).date())]
            if status.get("is_connected"):
                found += await trading(tools, status)
                watched = await tools.call("stream_market_data", symbol="SPY", duration_seconds=WATCHED_S)
                found += _prices(watched)
            return status, found
    except Problem as problem:
        return {}, [Finding("session", "fault", f"The front does not serve: {problem}", "Look at its log.")]


def _unread(told: Answer) -> Finding:
    """Why the status was not told; the looks that need it are left out."""
    if told.code == "forbidden":
        cure = f"Give the doctor a token that may read: `{ADD_CLIENT} add doctor --scopes read`."
        return Finding("token", "fault", f"ibkr_get_status is not for this token: {told.message}", cure)
    return Finding("session", "fault", f"ibkr_get_status: [{told.code}] {told.message}", "Look at the front's log.")


def _lets_in(place: Place) -> bool:
    bearer = {"Authorization": f"Bearer {place.token}"} if place.token else {}
    return _asked(place.url, "POST", urlsplit(place.url).path, bearer)[0] != UNAUTHORIZED


def _readiness(url: str) -> dict[str, Any]:
    """The part of the status that needs no token."""
    try:
        told: dict[str, Any] = json.loads(_asked(url, "GET", "/readyz")[2])
    except (OSError, HTTPException, ValueError):
        return {}
    return told


def _asked(url: str, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, Message, bytes]:
    """Status, headers and body. Raises OSError or HTTPException."""
    parts = urlsplit(url)
    encrypted = parts.scheme == "https"
    connection = (HTTPSConnection if encrypted else HTTPConnection)(parts.netloc, timeout=ANSWER_S)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        length = int(answer.getheader("Content-Length") or 0)
        return answer.status, answer.headers, answer.read(min(length, LONGEST))
    finally:
        connection.close()


def _standing(status: dict[str, Any]) -> Iterator[Finding]:
    state = status.get("state")
    if state == "ready":
        mode = f", mode {status['mode']}" if status.get("mode") else ""
        accounts = f", accounts {', '.join(status['accounts'])}" if status.get("accounts") else ""
        yield Finding("session", "ok", f"ready{mode}{accounts}")
    elif state is not None:
        part = {"no_worker": "worker", "bus_down": "redis"}.get(state, "session")
        yield Finding(part, "fault", f"{state}: {status.get('cause')}", str(status.get("remedy") or ""))
    if status.get("halted"):
        yield Finding("kill switch", "fault", f"It is set: {status['halted']}", RELEASE)


def _warnings(status: dict[str, Any], today: date) -> Iterator[Finding]:
    """The status' concerns; one whose day has passed is a fault."""
    for each in status.get("concerns", []):
        overdue = each.get("due") is not None and date.fromisoformat(each["due"]) <= today
        yield Finding("warning", "fault" if overdue else "note", each["what"], each["remedy"])


async def trading(tools: Tools, status: dict[str, Any]) -> list[Finding]:
    """Whether the gateway lets orders be seen and placed."""
    told = await tools.call("get_open_orders")
    if told.code == "read_only":
        if status.get("mode") == "read_only":
            return [Finding("orders", "note", "The gateway's API is read-only, as is this worker's mode.")]
        cure = (
            "TWS or IB Gateway: Configure, Settings, API, Settings: switch Read-Only API off. In compose: "
            "READ_ONLY_API=no, and bring the gateway up again. Or set TRADING_MODE=read_only."
        )
        return [Finding("orders", "fault", "The gateway's API is read-only: it refuses every order.", cure)]
    if told.code:
        return [Finding("orders", "fault", f"[{told.code}] {told.message}")]
    if status.get("mode") == "read_only":
        return [Finding("orders", "note", "TRADING_MODE is read_only: orders are refused by the worker.")]
    return [Finding("orders", "ok", f"{len(told.value)} open")]


def _prices(told: Answer) -> Iterator[Finding]:
    if not told.code:
        kind = told.value.get("marketDataType")
        if kind in ("delayed", "delayed-frozen"):
            yield Finding("market data", "note", f"SPY comes {kind}.", SHARE_DATA)
        else:
            yield Finding(
                "market data", "ok", f"SPY comes {kind}, {told.value['updates_count']} updates in {WATCHED_S} s"
            )
    elif told.details.get("twsCode") == COMPETING_SESSION:
        cure = "Log out there (TWS, IBKR Mobile, the web portal), or give this gateway a user of its own."
        yield Finding("market data", "fault", "Another session of the same login holds the market data.", cure)
    elif told.code == "no_data":
        yield Finding("market data", "fault", f"SPY has no prices: {told.message}", SHARE_DATA)
    else:
        yield Finding("market data", "fault", f"[{told.code}] {told.message}")


async def redis(place: Place, status: dict[str, Any], *, needed: bool = False) -> list[Finding]:
    """Whether it answers from here, keeps what it is told, and agrees about the time.

    One that nobody named is looked at only where it knows the worker that the front tells of: another's is not judged.
    """
    unreached = Finding("redis", "note", "It is not reached from here (in compose only front and worker reach it).")
    url = place.redis or await _of_this_stack(status.get("worker"))
    if url is None:
        cure = "Start Redis, or correct REDIS_URL."
        return [Finding("redis", "fault", "The front does not reach it.", cure) if needed else unreached]
    try:
        async with asyncio.timeout(ANSWER_S), CommandPipeline(url) as pipe:
            seconds, _ = await pipe.send("TIME")
            ahead = int(seconds) - time.time()
            kept = await _settings(pipe, "appendonly", "appendfsync", "maxmemory-policy")
            refused = await _refused(pipe)
    except (BusError, TimeoutError, ValueError) as error:
        told = f"Redis does not answer at {masked(url)}: {error or 'no answer in time'}"
        cure = "Start Redis, or name it with --redis or REDIS_URL."
        return [Finding("redis", "fault", told, cure) if needed else unreached]
    if refused is not None:
        what, remedy = refusing(refused) or ("takes no writes", "Look at its log")
        told = f"Redis answers at {masked(url)}, and {what}: {refused}"
        return [Finding("redis", "fault", told, f"{remedy}."), *_clock("Redis", ahead)]
    safe = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
    wrong = {name: kept[name] for name in safe if name in kept and kept[name] != safe[name]}
    if wrong:
        changed = ", ".join(f"{name} is {value}" for name, value in wrong.items())
        told = f"An order's record could be lost at {masked(url)}: {changed}"
        cure = "Start it with --appendonly yes --appendfsync always --maxmemory-policy noeviction."
        return [Finding("redis", "fault", told, cure), *_clock("Redis", ahead)]
    return [Finding("redis", "ok", f"answers at {masked(url)}, and syncs every write"), *_clock("Redis", ahead)]


async def _refused(pipe: CommandPipeline) -> Refused | None:
    """Why it takes no writes now."""
    try:
        await WRITABLE.run(pipe, ())
    except Refused as error:
        return error
    return None


async def _of_this_stack(worker: str | None) -> str | None:
    for url in usual_places() if worker else ():
        try:
            async with asyncio.timeout(ANSWER_S), CommandPipeline(url) as pipe:
                for each in await known_sessions(pipe):
                    if await pipe.send("HGET", Keys(each).heartbeat, "worker") == str(worker).encode():
                        return url
        except (BusError, TimeoutError):
            continue
    return None


async def _settings(pipe: CommandPipeline, *names: str) -> dict[str, str]:
    """Empty where the user of this URL may not ask."""
    try:
        told: list[bytes] = await pipe.send("CONFIG", "GET", *names)
    except BusError:
        return {}
    words = [each.decode() for each in told]
    return dict(zip(words[::2], words[1::2], strict=True))


async def gateway(place: Place, status: dict[str, Any]) -> list[Finding]:
    """Asked for its version as its probe does, which takes no client's place."""
    host, _, port = (place.gateway or f"{status.get('host') or ''}:{status.get('port') or ''}").rpartition(":")
    if not host or not port.isdecimal():
        return []
    answer = await _probe(host, int(port))
    if answer["outcome"] == "answers":
        return list(_greeted(host, port, answer))
    if answer["outcome"] == "unreachable" and place.gateway is None:
        return [Finding("gateway", "note", f"{host}:{port} is reached by the worker alone, and not from here.")]
    others = [each for each in USUAL_PORTS if each != int(port)]
    answers = await asyncio.gather(*(_probe(host, each) for each in others))
    there = [str(each) for each, one in zip(others, answers, strict=True) if one["outcome"] == "answers"]
    if there:
        told = f"{host}:{port} {answer['outcome']}, but a gateway answers on port {', '.join(there)}."
        return [Finding("gateway", "fault", told, f"Set GATEWAY_PORT={there[0]} for the worker.")]
    return [Finding("gateway", "fault", f"{host}:{port}: {answer['meaning']}", str(status.get("remedy") or ""))]


async def _probe(host: str, port: int) -> dict[str, Any]:
    _, said = await _output(sys.executable, "-m", "ibgateway.probe", host, str(port))
    try:
        told: dict[str, Any] = json.loads(said)
    except ValueError:
        return {"outcome": "unreachable", "meaning": "It could not be asked."}
    return told


def _greeted(host: str, port: str, answer: dict[str, Any]) -> Iterator[Finding]:
    version = answer["serverVersion"]
    if version < OLDEST_VERSION:
        told = f"The gateway at {host}:{port} speaks version {version} of the protocol; {OLDEST_VERSION} is the oldest."
        yield Finding("gateway", "fault", told, "Install the stable release of IB Gateway or TWS, at least 10.19.")
    else:
        yield Finding("gateway", "ok", f"answers at {host}:{port} with server version {version}")
    at = _instant(str(answer.get("time") or ""))
    if at is not None:
        yield from _clock("the gateway", at - datetime.now(UTC).timestamp())


def _instant(text: str) -> float | None:
    """Such as 20260302 09:00:00 US/Eastern; None in a zone that this machine does not know."""
    try:
        day, clock, zone = text.split(" ", 2)
        return datetime.strptime(f"{day} {clock}", "%Y%m%d %H:%M:%S").replace(tzinfo=ZoneInfo(zone)).timestamp()
    except (ValueError, ZoneInfoNotFoundError):
        return None
