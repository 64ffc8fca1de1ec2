"""`audit`: checks the log's chain, rebuilds the state of every order from it, and moves it into an archive."""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import msgspec

from bridge.audit_chain import GENESIS, Chain, ChainBreak, verify
from bridge.bus.controls.audit_log import PAGE, read_archived, read_head, read_log
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.text.contract_name import contract_name
from cli.operator.audit_archive import Archive, ArchiveMismatch, archive_log, set_aside_after_restore, verify_both
from cli.operator.mounts import lost_with_mount
from cli.operator.redis_target import add_bus_arguments, with_bus
from ib_worker.audit.replay import replay_orders

MOST_SHOWN = 20
MOUNT = (
    "name a folder that persists; in compose `docker compose run --rm --user $(id -u) --volume $PWD/audit:/audit "
    "operator audit archive --archive /audit`, after `mkdir audit`"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("verify", "replay", "export", "archive"),
        help="check, rebuild orders, write lines, or move the log into the archive's files",
    )
    parser.add_argument("--archive", type=Path, metavar="FOLDER", help="the archive, which comes before the log")
    told = "with archive: set aside the entries that the log of a restored older copy lacks, and continue from there"
    parser.add_argument("--after-restore", action="store_true", help=told)
    parser.add_argument("--file", type=Path, help="an exported log instead of Redis (its ends are not checked then)")
    add_bus_arguments(parser)


def run(options: argparse.Namespace) -> int:
    try:
        if options.file is not None:
            return _of_file(options.action, options.file)
        return with_bus(options, partial(_of_bus, options))
    except (OSError, ArchiveMismatch) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _of_file(action: str, file: Path) -> int:
    lines = file.read_bytes().splitlines()
    if action == "verify":
        return _verdict(len(lines), list(verify(lines)), "not checked")
    if action == "replay":
        return _replay(lines)
    raise ArchiveMismatch(f"--file: {action} works only on the log in Redis")


async def _of_bus(options: argparse.Namespace, pipe: CommandPipeline, keys: Keys) -> int:
    archive = Archive(options.archive, keys.session) if options.archive else None
    if options.action == "archive":
        if archive is None:
            raise ArchiveMismatch("--archive: name the folder")
        if lost_with := lost_with_mount(options.archive):
            raise ArchiveMismatch(f"--archive: {options.archive} is lost with {lost_with}: {MOUNT}")
        if options.after_restore and (aside := await set_aside_after_restore(pipe, keys, archive)):
            print(f"the entries that the restored log lacks are in {aside}")
        count = await archive_log(pipe, keys, archive)
        print(f"{count} entries archived, and trimmed from the log; the archive ends at {archive.end()[0]}")
        return 0
    if options.action == "verify":
        return await _verify(pipe, keys, archive)
    after, earlier = (archive.end()[0], archive.lines()) if archive else (0, iter(()))
    lines = chain(earlier, _pulled(read_log(pipe, keys, after), asyncio.get_running_loop()))
    return await asyncio.to_thread(_replay if options.action == "replay" else _export, lines)


def _pulled(log: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
    """Yield the loop's entries to another thread, page by page: the log may be larger than this container's memory."""
    while page := asyncio.run_coroutine_threadsafe(_page(log), loop).result():
        yield from page


async def _page(log: AsyncIterator[bytes]) -> list[bytes]:
    page = list[bytes]()
    async for line in log:
        page.append(line)
        if len(page) == PAGE:
            break
    return page


def _export(lines: Iterable[bytes]) -> int:
    sys.stdout.buffer.writelines(line + b"\n" for line in lines)
    return 0


async def _verify(pipe: CommandPipeline, keys: Keys, archive: Archive | None) -> int:
    """The head is read first: what is appended meanwhile comes after it, and is no break."""
    head, trimmed = await read_head(pipe, keys.audit_head), await read_archived(pipe, keys.audit_head)
    log = read_log(pipe, keys, until=head[0])
    if archive is not None:
        return _verdict(*await verify_both(archive, log, trimmed, head), head[1])
    count, found, links = 0, list[ChainBreak](), Chain(trimmed)
    async for line in log:
        count += 1
        if broken := links.take(line):
            found.append(broken)
    if broken := links.end(head):
        found.append(broken)
    return _verdict(count, found, head[1])


def _verdict(count: int, broken: list[ChainBreak], end: str) -> int:
    for each in broken[:MOST_SHOWN]:
        print(f"entry {each.seq}: {each.reason}")
    print(f"{count} entries, {len(broken)} breaks, head {'empty' if end == GENESIS else end[:16]}")
    return 1 if broken else 0


def _replay(lines: Iterable[bytes]) -> int:
    try:
        states = replay_orders(lines)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ArchiveMismatch(f"this is not a complete audit log: {error}") from error
    for state in states:
        told = {
            "orderRef": state.orderRef,
            "orderId": state.orderId,
            "permId": state.permId,
            "order": f"{state.terms.action} {state.terms.totalQuantity:g} {contract_name(state.terms.contract)}",
            "status": state.status,
            "filled": state.filled,
            "avgFillPrice": state.avgFillPrice,
        }
        print(json.dumps(told))
    return 0
