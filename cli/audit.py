"""`audit`: checks the log's chain, and rebuilds from it what became of every order."""

import argparse
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from bridge.audit import GENESIS, verify
from bridge.bus.auditing import read_head, read_log
from bridge.bus.keys import Keys
from bridge.bus.pipe import Pipe
from cli.operating import add_bus_arguments, with_bus
from ib_worker.replay import rebuild

MOST_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("verify", "replay", "export"), help="check, rebuild orders, or write lines")
    parser.add_argument("--file", type=Path, help="an exported log instead of Redis (its end can't be checked then)")
    add_bus_arguments(parser)


def run(options: argparse.Namespace) -> int:
    if options.file is not None:
        try:
            return _act(options.action, options.file.read_bytes().splitlines(), None)
        except OSError as error:
            sys.stderr.write(f"error: {error}\n")
            return 1

    async def act(pipe: Pipe, keys: Keys) -> int:
        lines = await _all(read_log(pipe, keys))
        return _act(options.action, lines, await read_head(pipe, keys.audit_head))

    return with_bus(options, act)


async def _all(lines: AsyncIterator[bytes]) -> list[bytes]:
    return [line async for line in lines]


def _act(action: str, lines: list[bytes], head: tuple[int, str] | None) -> int:
    if action == "export":
        sys.stdout.buffer.writelines(line + b"\n" for line in lines)
        return 0
    if action == "replay":
        return _replay(lines)
    broken = list(verify(lines, head))
    for each in broken[:MOST_SHOWN]:
        print(f"entry {each.seq}: {each.reason}")
    end = head[1][:16] if head and head[1] != GENESIS else "not checked" if head is None else "empty"
    print(f"{len(lines)} entries, {len(broken)} breaks, head {end}")
    return 1 if broken else 0


def _replay(lines: list[bytes]) -> int:
    for state in rebuild(lines):
        told = {
            "orderRef": state.orderRef,
            "orderId": state.orderId,
            "permId": state.permId,
            "order": f"{state.terms.action} {state.terms.totalQuantity:g} {state.terms.contract.symbol}",
            "status": state.status,
            "filled": state.filled,
            "avgFillPrice": state.avgFillPrice,
        }
        print(json.dumps(told))
    return 0
